#pragma once
// Lines on their way to a descriptor that may not be read (stdout of a container), without ever waiting for it.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/instance_status.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class Readable;

// High: the sources of lines other than our own must be held back (OutputFlow::held, FifoLines::pause).
enum class LogPressure { none, high };

class LogQueue {
public:
    // What is kept when nobody reads; at half of it the pressure is high, below a quarter it is none again.
    static constexpr std::size_t limit = 1024 * 1024;
    // Our own lines and what had been read already go beyond that. Past this, and when the reader is gone for good
    // (EPIPE), lines are lost: the one exception to "never dropped". They are counted, and `describe_lost` is asked
    // for a line that says so when there is room again.
    static constexpr std::size_t hard_limit = 4 * 1024 * 1024;

    using OnPressure = std::function<void(LogPressure)>;
    using DescribeLost = std::function<std::string(std::size_t lines)>;

    // Borrows `descriptor` and leaves its flags alone: others share it. A regular file is written as it comes.
    LogQueue(boost::asio::io_context& loop, int descriptor, OnPressure on_pressure, DescribeLost describe_lost);
    ~LogQueue();
    LogQueue(const LogQueue&) = delete;
    LogQueue& operator=(const LogQueue&) = delete;

    // Without its line feed. May call on_pressure before it returns.
    void put(std::string_view line);
    // blocked_since: when lines have been waiting for more than a second.
    [[nodiscard]] LogStatus status(Instant now) const;
    // Waits until all is written, or `longest` has passed.
    void flush(Duration longest);

private:
    enum class Outcome { written, blocked, gone };
    [[nodiscard]] std::size_t waiting() const { return pending_.size() - begin_; }
    [[nodiscard]] bool writable(int wait_ms) const;
    Outcome write_some();
    Outcome write_while_writable();
    void drain();
    void emptied();
    void discard();
    void lose(std::size_t lines);
    void tell_pressure();

    int descriptor_;
    bool socket_ = false;
    OnPressure on_pressure_;
    DescribeLost describe_lost_;
    std::string pending_;
    std::size_t begin_ = 0;  // of what has not been written yet, in pending_
    std::optional<Instant> behind_since_;
    std::size_t lost_ = 0;  // not told yet by describe_lost_
    std::uint64_t lost_in_all_ = 0;
    LogPressure pressure_ = LogPressure::none;
    std::unique_ptr<Readable> room_;  // none: a regular file, always writable
};

}  // namespace pgbosun::host
