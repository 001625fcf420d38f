#include "backup/upload_pool.hpp"

#include <utility>

namespace pgbosun::backup {

UploadPool::UploadPool(int threads, int buffers, std::size_t bytes) : bytes_(bytes), unmade_(buffers) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
}

UploadPool::~UploadPool() {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
}

UploadPool::Buffer UploadPool::take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !free_.empty() || unmade_ > 0; });
    if (free_.empty()) {
        --unmade_;
        lock.unlock();
        std::vector<std::byte> bytes;
        bytes.reserve(bytes_);
        return {*this, std::move(bytes)};
    }
    auto bytes = std::move(free_.back());
    free_.pop_back();
    return {*this, std::move(bytes)};
}

void UploadPool::give_back(std::vector<std::byte> bytes) {
    bytes.clear();
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(bytes));
    changed_.notify_all();
}

void UploadPool::submit(Work work) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(work));
    changed_.notify_all();
}

std::optional<Fault> UploadPool::fault() const {
    const std::lock_guard lock(mutex_);
    return fault_;
}

std::uint64_t UploadPool::stored() const {
    const std::lock_guard lock(mutex_);
    return stored_;
}

Result<> UploadPool::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.empty() && busy_ == 0; });
    if (fault_) return std::unexpected(*fault_);
    return {};
}

void UploadPool::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return !waiting_.empty() || ending_; });
        if (waiting_.empty()) return;
        ++busy_;
        const auto doing = fault_ ? Doing::give_up : Doing::store;
        Result<std::uint64_t> done = 0;
        {
            auto work = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            done = work(doing);
        }
        lock.lock();
        --busy_;
        if (done) stored_ += *done;
        if (!done && !fault_) fault_ = std::move(done.error());
        changed_.notify_all();
    }
}

}  // namespace pgbosun::backup
