#include "object_store/token_cache.hpp"

#include <string>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace std::chrono_literals;

namespace {

const SigningTime t0{10'000s};

struct Source {
    int fetches = 0;
    bool works = true;
    std::chrono::seconds life = 3600s;
    SigningTime now = t0;
    TokenCache<int> cache;

    Result<int> get(Freshness freshness = Freshness::as_known, double random = 0) {
        const auto fetch = [this]() -> Result<Expiring<int>> {
            ++fetches;
            if (!works) return fail(FaultKind::unavailable, "away");
            return Expiring<int>{fetches, now + life};
        };
        return cache.get(fetch, freshness, now, random);
    }
};

}  // namespace

TEST_CASE("a token is fetched once, and anew five minutes before its end or up to a minute earlier") {
    Source source;
    const double random = GENERATE(0.0, 0.5, 0.99);
    const auto renewal = 3300s - std::chrono::seconds(static_cast<int>(60 * random));
    REQUIRE(source.get(Freshness::as_known, random) == 1);

    source.now = t0 + renewal - 1s;
    CHECK(source.get() == 1);
    source.now = t0 + renewal;
    CHECK(source.get() == 2);
}

TEST_CASE("a token that the store no longer takes is fetched anew, but not by all who were told so at once") {
    Source source;
    REQUIRE(source.get() == 1);

    source.now = t0 + 4s;
    CHECK(source.get(Freshness::renewed) == 1);
    source.now = t0 + 5s;
    CHECK(source.get(Freshness::renewed) == 2);
    CHECK(source.get(Freshness::renewed) == 2);
}

TEST_CASE("when a renewal fails, the token serves until its end, and the service is not stormed") {
    Source source;
    REQUIRE(source.get() == 1);
    source.works = false;

    source.now = t0 + 3400s;
    CHECK(source.get() == 1);
    CHECK(source.fetches == 2);
    source.now = t0 + 3429s;
    CHECK(source.get() == 1);
    CHECK(source.fetches == 2);
    source.now = t0 + 3600s;
    const auto ended = source.get();
    REQUIRE_FALSE(ended);
    CHECK(ended.error().kind == FaultKind::unavailable);
}

TEST_CASE("a token that lives for less than the margin is kept for some seconds all the same") {
    Source source;
    source.life = 60s;
    REQUIRE(source.get() == 1);

    source.now = t0 + 4s;
    CHECK(source.get() == 1);
    source.now = t0 + 6s;
    CHECK(source.get() == 2);
}
