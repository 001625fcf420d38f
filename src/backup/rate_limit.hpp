#pragma once
// How fast a backup may read: one limit for all its workers.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace pgbosun::backup {

// Decision: a bucket that fills by `rate` bytes per second up to a quarter second's worth, and may be
// overdrawn: who takes more than is there waits until it is made good, so pieces of any size keep the rate.
class TokenBucket {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Wait = std::chrono::steady_clock::duration;

    TokenBucket(std::uint64_t rate, Time now);
    // How long the taker waits before it goes on; zero: not at all.
    Wait take(std::uint64_t bytes, Time now);

private:
    double rate_, level_;
    Time filled_;
};

// Any thread. `rate` 0: no limit.
class RateLimit {
public:
    explicit RateLimit(std::uint64_t rate);
    // Returns when so much more may be read, or at once when it is to stop.
    void take(std::uint64_t bytes, const std::stop_token& stop);

private:
    const bool limited_;
    std::mutex mutex_;  // guards the bucket
    std::condition_variable_any never_;
    TokenBucket bucket_;
};

}  // namespace pgbosun::backup
