#include "supervision/metrics_rhythm.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

constexpr Duration oldest = 30s;
const Instant start{1h};

MetricsRhythm asked_at(Instant when) {
    MetricsRhythm rhythm;
    rhythm.begin(when);
    rhythm.end();
    return rhythm;
}

}  // namespace

TEST_CASE("metric queries are run as soon as PostgreSQL answers, and not twice at once") {
    MetricsRhythm rhythm;
    CHECK(rhythm.is_due(oldest, start));

    rhythm.begin(start);
    CHECK_FALSE(rhythm.is_due(oldest, start + 1h));
    rhythm.forget();
    CHECK_FALSE(rhythm.is_due(oldest, start));
    rhythm.end();
    CHECK(rhythm.is_due(oldest, start));
}

TEST_CASE("metric queries are run again by themselves while somebody scrapes") {
    MetricsRhythm rhythm = asked_at(start);
    CHECK_FALSE(rhythm.is_due(oldest, start + oldest - 1ms));
    CHECK(rhythm.is_due(oldest, start + oldest));

    CHECK(rhythm.is_due(oldest, start + MetricsRhythm::attention - 1ms));
    CHECK_FALSE(rhythm.rests(start + MetricsRhythm::attention - 1ms));
    CHECK_FALSE(rhythm.is_due(oldest, start + MetricsRhythm::attention));
    CHECK(rhythm.rests(start + MetricsRhythm::attention));

    rhythm.note_scrape(start + 1h);
    CHECK_FALSE(rhythm.rests(start + 1h));
    CHECK(rhythm.is_due(oldest, start + 1h));
}

TEST_CASE("a server that comes back is asked although nobody has scraped for long") {
    MetricsRhythm rhythm = asked_at(start);
    rhythm.forget();
    CHECK(rhythm.is_due(oldest, start + 24h));
    CHECK_FALSE(rhythm.rests(start + 24h));
}
