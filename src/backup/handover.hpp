#pragma once
// One thread decodes a stream, another one unpacks it: blocks of bytes go from the first to the second in order. The one
// computes while the other waits for the disk, and a single large tar uses two processors.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <variant>
#include <vector>

#include "backup/tar_reader.hpp"

namespace pgbosun::backup {

class Handover {
public:
    // The thread that unpacks lives as long as this.
    explicit Handover(TarConsumer& consumer);
    ~Handover();
    Handover(const Handover&) = delete;
    Handover& operator=(const Handover&) = delete;

    // By the decoding thread only. Waits while four blocks wait. A Fault of the unpacking is returned by the next call.
    Result<> feed(std::span<const std::byte> bytes);
    void restart();
    // Success: all has been unpacked, and was whole.
    Result<> finish();

private:
    static constexpr std::size_t block_bytes = std::size_t{1} << 20;
    static constexpr std::size_t most_blocks = 4;
    using Block = std::vector<std::byte>;
    struct Restart {};
    struct End {};
    using Order = std::variant<Block, Restart, End>;

    void unpack();
    Result<> obey(const Order& order);
    void give(Order order);
    Result<> flush();

    TarConsumer& consumer_;
    Block filling_;
    std::mutex mutex_;  // guards all below
    std::condition_variable changed_;
    std::deque<Order> orders_;
    std::vector<Block> used_;  // to be filled again
    Result<> result_;
    bool ended_ = false;  // after End has been obeyed, or a Fault
    std::thread thread_;
};

}  // namespace pgbosun::backup
