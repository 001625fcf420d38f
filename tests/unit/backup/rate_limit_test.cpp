#include "backup/rate_limit.hpp"

#include <chrono>

#include "support/catch.hpp"

using namespace pgbosun::backup;
using namespace std::chrono_literals;

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

TEST_CASE("a wait for the rate ends when it is to stop") {
    RateLimit limit(1);
    std::stop_source stop;
    stop.request_stop();
    limit.take(1'000'000'000, stop.get_token());
    SUCCEED();
}
