#include "backup/rate_limit.hpp"

#include <chrono>
#include <future>
#include <stop_token>

#include "support/catch.hpp"

using namespace pgbosun::backup;
using namespace std::chrono_literals;

namespace {

constexpr auto deadline = 90s;

}  // namespace

TEST_CASE("who reads as the bucket says keeps the rate") {
    const TokenBucket::Time start{};
    for (const std::uint64_t piece : {1'000ULL, 262'144ULL, 5'000'000ULL}) {
        TokenBucket bucket(10'000'000, start);
        auto now = start;
        std::uint64_t taken = 0;
        while (taken < 100'000'000) {
            now += bucket.take(piece, now);
            taken += piece;
        }
        const double seconds = std::chrono::duration<double>(now - start).count();
        CAPTURE(piece, seconds);
        CHECK(seconds > 9.5);
        CHECK(seconds < 10.6);
    }
}

TEST_CASE("time without reading saves up a quarter of a second, no more") {
    const TokenBucket::Time start{};
    TokenBucket bucket(1'000, start);
    CHECK(bucket.take(250, start + 1h) == 0s);
    CHECK(bucket.take(100, start + 1h) == 100ms);
}

TEST_CASE("a clock that goes back does not fill the bucket") {
    const TokenBucket::Time start{10s};
    TokenBucket bucket(1'000, start);
    CHECK(bucket.take(250, start) == 0s);
    CHECK(bucket.take(1'000, start - 5s) == 1s);
}

TEST_CASE("who takes more than is saved up waits until it is made good") {
    RateLimit limit(1'000'000);
    const std::stop_source never;
    const auto start = std::chrono::steady_clock::now();

    limit.take(300'000, never.get_token());

    CHECK(std::chrono::steady_clock::now() - start >= 50ms);
}

TEST_CASE("a wait for the rate ends when it is to stop, and nobody waits without one") {
    std::stop_source stop;
    RateLimit slow(1), none(0);
    std::promise<void> began;

    auto stopped = std::async(std::launch::async, [&] {
        slow.take(0, stop.get_token());
        began.set_value();
        slow.take(1'000'000'000, stop.get_token());
    });
    auto unlimited = std::async(std::launch::async, [&] { none.take(1'000'000'000, std::stop_token()); });
    began.get_future().wait();
    CHECK(stopped.wait_for(10ms) == std::future_status::timeout);
    stop.request_stop();

    // One that still waits is told here, and hangs the test as well.
    CHECK(stopped.wait_for(deadline) == std::future_status::ready);
    CHECK(unlimited.wait_for(deadline) == std::future_status::ready);
}

TEST_CASE("who comes when it is to stop does not wait at all") {
    std::stop_source stop;
    stop.request_stop();
    RateLimit slow(1);

    auto late = std::async(std::launch::async, [&] { slow.take(1'000'000'000, stop.get_token()); });

    CHECK(late.wait_for(deadline) == std::future_status::ready);
}
