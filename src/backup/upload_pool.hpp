#pragma once
// Threads that put parts into the store while workers compress the next ones, and the buffers that go between
// them: this is what bounds the memory of a backup.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

// Thread-safe.
class UploadPool {
public:
    // Goes back to its pool at the end.
    class Buffer {
    public:
        Buffer(UploadPool& pool, std::vector<std::byte> bytes) : pool_(&pool), bytes_(std::move(bytes)) {}
        Buffer(Buffer&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), bytes_(std::move(other.bytes_)) {}
        Buffer& operator=(Buffer&& other) noexcept {
            std::swap(pool_, other.pool_);
            bytes_.swap(other.bytes_);
            return *this;
        }
        ~Buffer() {
            if (pool_ != nullptr) pool_->give_back(std::move(bytes_));
        }
        std::vector<std::byte>& operator*() { return bytes_; }
        std::vector<std::byte>* operator->() { return &bytes_; }

    private:
        UploadPool* pool_;
        std::vector<std::byte> bytes_;
    };
    enum class Doing { store, give_up };
    // Answers how many bytes it stored. After the first Fault of any work the others only give up what they hold.
    using Work = std::move_only_function<Result<std::uint64_t>(Doing)>;

    // `buffers` of `bytes` each; more of them than there are takers.
    UploadPool(int threads, int buffers, std::size_t bytes);
    // Does what was submitted, then joins.
    ~UploadPool();
    UploadPool(const UploadPool&) = delete;
    UploadPool& operator=(const UploadPool&) = delete;

    // Empty. Waits until one is free.
    Buffer take();
    void submit(Work work);

    // The first Fault so far.
    [[nodiscard]] std::optional<Fault> fault() const;
    [[nodiscard]] std::uint64_t stored() const;
    // Waits until all that was submitted is done.
    Result<> wait();

private:
    void give_back(std::vector<std::byte> bytes);
    void run();

    const std::size_t bytes_;
    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::vector<std::vector<std::byte>> free_;
    int unmade_;
    std::deque<Work> waiting_;  // at most as long as there are buffers
    int busy_ = 0;
    bool ending_ = false;
    std::uint64_t stored_ = 0;
    std::optional<Fault> fault_;
    std::vector<std::jthread> threads_;  // last: they end first
};

}  // namespace pgbosun::backup
