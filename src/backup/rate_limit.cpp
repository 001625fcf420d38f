#include "backup/rate_limit.hpp"

#include <algorithm>

namespace pgbosun::backup {
namespace {

constexpr double burst = 0.25;  // seconds

}  // namespace

TokenBucket::TokenBucket(std::uint64_t rate, Time now)
    : rate_(static_cast<double>(std::max<std::uint64_t>(rate, 1))), level_(rate_ * burst), filled_(now) {}

TokenBucket::Wait TokenBucket::take(std::uint64_t bytes, Time now) {
    const double passed = std::chrono::duration<double>(now - filled_).count();
    level_ = std::min(level_ + std::max(passed, 0.0) * rate_, rate_ * burst);
    filled_ = now;
    level_ -= static_cast<double>(bytes);
    if (level_ >= 0) return Wait::zero();
    return std::chrono::duration_cast<Wait>(std::chrono::duration<double>(-level_ / rate_));
}

RateLimit::RateLimit(std::uint64_t rate) : limited_(rate > 0), bucket_(rate, std::chrono::steady_clock::now()) {}

void RateLimit::take(std::uint64_t bytes, const std::stop_token& stop) {
    if (!limited_) return;
    std::unique_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const auto wait = bucket_.take(bytes, now);
    if (wait > TokenBucket::Wait::zero()) never_.wait_until(lock, stop, now + wait, [] { return false; });
}

}  // namespace pgbosun::backup
