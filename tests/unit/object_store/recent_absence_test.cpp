#include "object_store/recent_absence.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace std::chrono_literals;
using Known = RecentAbsence::Known;

namespace {

const RecentAbsence::Moment t0{1000s};

Listing listing(const std::vector<std::string>& keys) {
    Listing found;
    for (const auto& key : keys) found.objects.push_back({.key = key, .size = 1, .metadata = {}});
    return found;
}

RecentAbsence told() {
    RecentAbsence absence;
    absence.learn("w/1/", "w/1/b", listing({"w/1/d"}), t0);
    return absence;
}

}  // namespace

TEST_CASE("a listing tells what is there and what is not, for its directory, its range and its time") {
    struct Row {
        const char* key;
        std::chrono::milliseconds later;
        Known known;
    };
    const auto row = GENERATE(Row{"w/1/d", 0ms, Known::present}, Row{"w/1/c", 0ms, Known::absent},
                              Row{"w/1/z", 1000ms, Known::absent}, Row{"w/1/c", 1001ms, Known::unknown},
                              Row{"w/1/d", 1001ms, Known::unknown}, Row{"w/1/b", 0ms, Known::unknown},
                              Row{"w/1/a", 0ms, Known::unknown}, Row{"w/2/c", 0ms, Known::unknown},
                              Row{"w/1/c/x", 0ms, Known::unknown}, Row{"w", 0ms, Known::unknown});
    CAPTURE(row.key, row.later.count());

    CHECK(told().claim(row.key, t0 + row.later) == row.known);
}

TEST_CASE("what is being written or was written since is not absent, until a listing that is younger tells") {
    auto absence = told();
    REQUIRE(absence.claim("w/1/c", t0) == Known::absent);

    CHECK(absence.claim("w/1/c", t0 + 1ms) == Known::unknown);
    absence.release("w/1/c", t0 + 20ms);
    CHECK(absence.claim("w/1/c", t0 + 30ms) == Known::unknown);
    absence.learn("w/1/", "w/1/b", listing({}), t0 + 10ms);
    CHECK(absence.claim("w/1/c", t0 + 30ms) == Known::unknown);
    absence.learn("w/1/", "w/1/b", listing({"w/1/c"}), t0 + 40ms);
    CHECK(absence.claim("w/1/c", t0 + 50ms) == Known::present);
}

TEST_CASE("a key of which the store was asked alone is nobody else's") {
    auto absence = told();
    absence.begin("w/1/c");

    CHECK(absence.claim("w/1/c", t0) == Known::unknown);
    absence.learn("w/1/", "w/1/b", listing({}), t0 + 1ms);
    CHECK(absence.claim("w/1/c", t0 + 2ms) == Known::unknown);
}

TEST_CASE("a listing that goes on tells nothing") {
    RecentAbsence absence;
    auto page = listing({"w/1/d"});
    page.next = "w/1/d";

    absence.learn("w/1/", "w/1/b", page, t0);

    CHECK(absence.claim("w/1/c", t0) == Known::unknown);
}

TEST_CASE("a directory is busy for as long as a listing would be good, the top one never") {
    RecentAbsence absence;
    CHECK_FALSE(absence.is_busy("w/1/", t0));
    static_cast<void>(absence.claim("w/1/c", t0));

    CHECK(absence.is_busy("w/1/", t0 + 1s));
    CHECK_FALSE(absence.is_busy("w/1/", t0 + 1001ms));
    CHECK_FALSE(absence.is_busy("w/2/", t0));
    static_cast<void>(absence.claim("top", t0));
    CHECK_FALSE(absence.is_busy("", t0));
}
