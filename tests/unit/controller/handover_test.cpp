#include "controller/handover.hpp"

#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::candidate;
using pgbosun::test::chosen;
using pgbosun::test::now;
using pgbosun::test::told;
using pgbosun::test::ttl;
using pgbosun::test::written;

namespace {

// A switchover from a to b under way, whose record was written at `now`.
Knowledge handing_over() {
    auto known = test::healthy();
    known.leased_until["a"] = now + ttl;
    learn(known, hand_over(*known.record, "b"), now);
    return known;
}

Report former_primary(std::uint64_t end, Duration age = 0ms) {
    auto it = test::report("a", end, 6);
    it.primary = "b";
    it.streaming = false;
    it.reach_age = age;
    return it;
}

}  // namespace

TEST_CASE("in a switchover that nobody forced the new primary has all that the former one's data ends with") {
    struct Row {
        const char* what;
        std::uint64_t end;
        Duration age;
        std::uint64_t received;
        bool promoted;
    };
    const Row rows[] = {
        {"it has all", 100, 0ms, 100, true},
        {"it lacks some", 101, 0ms, 100, false},
        {"nobody knows, as the former primary has crashed", 100, 1ms, 100, false},
    };
    for (const Row& row : rows) {
        for (const Duration later : {100ms, 2900ms}) {
            INFO(row.what << " after " << later.count());
            auto known = handing_over();
            test::sees(known, former_primary(row.end, row.age), now + later);
            test::sees(known, candidate(row.received), now + later + 1ms);
            test::sees(known, test::report("c", 90, 6), now + later + 1ms);
            const auto choice = chosen(known, now + later + 1ms);
            const auto* it = told(choice, "b");
            CHECK((it != nullptr && it->lease.has_value()) == row.promoted);
            CHECK(written(choice) == nullptr);
            if (!row.promoted) {
                CHECK(choice.waits_for == "the candidate has not received all that the former primary has written");
            }
        }
    }
}

TEST_CASE("a fenced primary hands over to who has all that its data ends with") {
    struct Row {
        const char* what;
        void (*change)(Report& primary, Report& candidate);
        bool handed_over;
    };
    const Row rows[] = {
        {"it has all", [](Report&, Report&) {}, true},
        {"it lacks some", [](Report& primary, Report&) { primary.reach.lsn = Lsn{101}; }, false},
        {"how far the primary came is not known", [](Report& primary, Report&) { primary.reach_age = 1ms; }, false},
        {"the primary still stops", [](Report& primary, Report&) { primary.stopped = false; }, false},
        {"the primary is not fenced", [](Report& primary, Report&) { primary.fenced = false; }, false},
        {"the candidate cannot be promoted", [](Report&, Report& candidate) { candidate.able = false; }, false},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = test::leading();
        known.wanted = Wanted{"b", DataLoss::refused, now + 1s};
        auto primary = test::primary_report();
        primary.serving = primary.able = false;
        primary.fenced = primary.stopped = true;
        auto candidate = test::report("b");
        row.change(primary, candidate);
        test::sees(known, primary);
        test::sees(known, candidate);
        const auto choice = chosen(known);
        const auto* record = written(choice);
        CHECK((record != nullptr && record->primary == "b" && record->handed_by == "a") == row.handed_over);
    }
}

TEST_CASE("a primary that was asked to end hands over at once, as in a switchover") {
    struct Row {
        const char* what;
        void (*change)(Knowledge& known, Report& primary, Report& candidate);
        bool handed_over;
    };
    const Row rows[] = {
        {"it stops", [](Knowledge&, Report&, Report&) {}, true},
        {"it has stopped, and holds more than anybody",
         [](Knowledge&, Report& primary, Report&) {
             primary.stopped = true;
             primary.reach.lsn = Lsn{200};
         },
         true},
        {"it was started anew", [](Knowledge&, Report& primary, Report&) { primary.ending = false; }, false},
        {"it is no primary of this term", [](Knowledge&, Report& primary, Report&) { primary.accepted = 4; }, false},
        {"it is paused", [](Knowledge& known, Report&, Report&) { known.record->paused = true; }, false},
        {"nobody can take over", [](Knowledge&, Report&, Report& candidate) { candidate.able = false; }, false},
        {"who could ends too", [](Knowledge&, Report&, Report& candidate) { candidate.fenced = true; }, false},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = test::leading();
        auto primary = test::primary_report();
        primary.serving = primary.able = false;
        primary.ending = true;
        auto candidate = test::report("b");
        row.change(known, primary, candidate);
        test::sees(known, primary);
        test::sees(known, candidate);
        const auto choice = chosen(known);
        const auto* record = written(choice);
        CHECK((record != nullptr && record->primary == "b" && record->handed_by == "a") == row.handed_over);
        if (!row.handed_over) continue;
        // One that goes without a word is replaced when its lease has run out.
        CHECK(record->former == std::vector<std::string>{"a"});
    }
}

TEST_CASE("a former primary whose successor does not come to have all gets its place back under a new term") {
    struct Row {
        const char* what;
        void (*change)(Report&);
        std::string to;
        std::string handed_by;
    };
    const Row rows[] = {
        {"shut down", [](Report&) {}, "a", ""},
        {"crashed", [](Report& it) { it.reach_age = 1h; }, "a", ""},
        {"fenced: it is a failover", [](Report& it) { it.fenced = true; }, "b", ""},
        {"unable: it is a failover", [](Report& it) { it.able = false; }, "b", ""},
        {"it has not heard of it yet", [](Report& it) { it.term = 5; }, "", "a"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = handing_over();
        known.leased_until.clear();
        auto former = former_primary(101);
        test::sees(known, former, now);
        row.change(former);
        const Instant then = now + ttl;
        test::sees(known, former, then);
        test::sees(known, candidate(100), then);
        test::sees(known, test::report("c", 90, 6), then);
        const auto choice = chosen(known, then);
        const auto* record = written(choice);
        REQUIRE((record != nullptr) == !row.to.empty());
        if (record == nullptr) continue;
        CHECK(record->primary == row.to);
        CHECK(record->term == (row.to == "a" ? 7 : 6));
        CHECK(record->handed_by == row.handed_by);
        if (row.to == "a") CHECK(record->former == std::vector<std::string>{"b"});
    }
}

TEST_CASE(
    "a switchover whose former primary is gone too has become a failover, and the candidate is still the candidate") {
    auto known = handing_over();
    known.seen.erase("a");
    known.leased_until.clear();
    const Instant then = now + ttl;
    test::sees(known, candidate(100), then);
    test::sees(known, test::report("c", 100, 6), then);
    auto choice = chosen(known, then - 1ns);
    CHECK(written(choice) == nullptr);

    choice = chosen(known, then);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "b");
    CHECK(written(choice)->term == 6);
    CHECK(written(choice)->handed_by.empty());
    learn(known, *written(choice), then);
    test::sees(known, candidate(100), then + 1ms);
    REQUIRE(told(chosen(known, then + 1s), "b"));
}

TEST_CASE("a switchover goes to nobody who would have to replay for long first") {
    const auto goes_to = [](std::uint64_t to_replay) {
        auto known = test::healthy();
        auto b = test::report("b");
        b.to_replay = to_replay;
        test::sees(known, b);
        known.wanted = Wanted{"b", DataLoss::refused, now + 1s};
        const auto choice = chosen(known);
        return written(choice) == nullptr ? std::string() : written(choice)->primary;
    };
    CHECK(goes_to(most_to_replay) == "b");
    CHECK(goes_to(most_to_replay + 1).empty());

    auto known = test::healthy();
    auto b = test::report("b", 200);
    b.to_replay = most_to_replay + 1;
    test::sees(known, b);
    CHECK(pick_for_handover(Field{known, test::policy(), {}, now}).name == "c");
    auto c = test::report("c");
    c.to_replay = most_to_replay + 1;
    test::sees(known, c);
    CHECK(pick_for_handover(Field{known, test::policy(), {}, now}).why_not == "it has too much WAL to replay first");
}

TEST_CASE("a silent new primary is not replaced while it may live, and not by who has less when it has served") {
    const Instant then = now + ttl;
    const auto decided = [&](Duration promised_for, Term data_term_of_c) {
        auto known = handing_over();
        known.leased_until.clear();
        test::sees(known, candidate(100), now);
        auto former = former_primary(101);
        test::sees(known, former, now);
        former.promised_for = promised_for;
        test::sees(known, former, then);
        auto c = test::report("c", 90, 6);
        c.promised_for = promised_for;
        c.reach.term = data_term_of_c;
        test::sees(known, c, then);
        const auto choice = chosen(known, then);
        return written(choice) == nullptr ? std::string(choice.waits_for) : written(choice)->primary;
    };
    CHECK(decided(1s, 5) == "its promotable members have promised the silent primary lately");
    CHECK(decided(0s, 5) == "a");
    CHECK(decided(0s, 6) == "c");
}
