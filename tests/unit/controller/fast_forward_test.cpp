#include "controller/fast_forward.hpp"

#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::now;
using pgbosun::test::told;
using pgbosun::test::ttl;
using pgbosun::test::written;

namespace {

// c must never be primary.
Policy with_spare() {
    Policy policy = test::policy();
    policy.members[2].priority = -1;
    return policy;
}

// It streams from `conninfo`, as it was told.
Report standby(const std::string& name, std::uint64_t lsn, const std::string& conninfo = "host=a") {
    Report it = test::report(name, lsn);
    it.upstream = conninfo;
    it.streaming = false;
    return it;
}

// a has been silent for long; b, which is on the list, holds less than c, which must never be primary.
Knowledge ahead(std::uint64_t b = 100, std::uint64_t c = 150) {
    auto known = test::leading();
    known.record->promotable.names = known.record->acknowledged.names = {"b"};
    test::sees(known, standby("b", b));
    test::sees(known, standby("c", c));
    return known;
}

// All say at `at` what they hold.
Choice look(Knowledge& known, Instant at, std::uint64_t b, std::uint64_t c = 150, const Policy& policy = with_spare()) {
    test::sees(known, standby("b", b, "host=c"), at);
    test::sees(known, standby("c", c), at);
    return choose(known, policy, at);
}

std::string upstream(const Choice& choice, const std::string& name) {
    const auto* assignment = told(choice, name);
    return assignment == nullptr ? "told nothing" : assignment->upstream;
}

}  // namespace

TEST_CASE("before a failover the candidate streams what only an instance holds that must never be primary") {
    auto known = ahead();
    auto choice = choose(known, with_spare(), now);
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for == "b first streams from c, which holds more");
    REQUIRE(told(choice, "b"));
    CHECK(told(choice, "b")->upstream == "c");
    CHECK(told(choice, "b")->term == 5);
    CHECK(told(choice, "b")->primary == "a");
    CHECK_FALSE(told(choice, "b")->lease);
    CHECK(upstream(choice, "c") == "told nothing");

    choice = look(known, now + 100ms, 149);
    CHECK(written(choice) == nullptr);
    CHECK(upstream(choice, "b") == "told nothing");

    choice = look(known, now + 200ms, 150);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "b");
    CHECK_FALSE(given_up(Field{known, with_spare(), {}, now + 200ms}, "b"));
    // It keeps its upstream while that is written.
    CHECK(upstream(choice, "b") == "told nothing");
    CHECK(upstream(look(known, now + 300ms, 150), "b") == "told nothing");

    learn(known, *written(choice), now + 400ms);
    CHECK_FALSE(known.fast_forward);
    CHECK(told(look(known, now + 400ms, 150), "b")->upstream.empty());
}

TEST_CASE("who cannot give it is not waited for") {
    struct Row {
        const char* what;
        void (*change)(Report& candidate, Report& other, Knowledge& known, Policy& policy);
        bool waits;
    };
    const Row rows[] = {
        {"it holds more", [](Report&, Report&, Knowledge&, Policy&) {}, true},
        {"it replays late: what it has received it sends",
         [](Report&, Report& it, Knowledge&, Policy&) { it.delayed = true; }, true},
        {"its priority is good, and it is on no list",
         [](Report&, Report&, Knowledge&, Policy& it) { it.members[2].priority = 5; }, true},
        {"its volume is full", [](Report&, Report& it, Knowledge&, Policy&) { it.able = false; }, true},
        {"as much", [](Report&, Report& it, Knowledge&, Policy&) { it.reach.lsn = Lsn{100}; }, false},
        {"less", [](Report&, Report& it, Knowledge&, Policy&) { it.reach.lsn = Lsn{99}; }, false},
        {"it is fenced", [](Report&, Report& it, Knowledge&, Policy&) { it.fenced = true; }, false},
        {"it is asked to end", [](Report&, Report& it, Knowledge&, Policy&) { it.ending = true; }, false},
        {"its postgres does not run, or is silent",
         [](Report&, Report& it, Knowledge&, Policy&) { it.runs_as_standby = false; }, false},
        {"it has not read all of its WAL",
         [](Report&, Report& it, Knowledge& known, Policy&) {
             it.reach_age.reset();
             known.record->former = {"z"};
             known.leader_since = now - 10s;
         },
         false},
        {"of another system", [](Report&, Report& it, Knowledge&, Policy&) { it.system_id = SystemId{8}; }, false},
        {"of an older term", [](Report&, Report& it, Knowledge&, Policy&) { it.reach = {4, Timeline{1}, Lsn{900}}; },
         false},
        {"of a later timeline", [](Report&, Report& it, Knowledge&, Policy&) { it.reach.timeline = Timeline{2}; },
         false},
        {"both of an older term: an assignment that comes late may find one of them rewound",
         [](Report& candidate, Report& it, Knowledge&, Policy&) { candidate.reach.term = it.reach.term = 4; }, false},
        {"so much more that it may not have all of it any longer",
         [](Report&, Report& it, Knowledge&, Policy&) { it.reach.lsn = Lsn{100 + most_to_fetch + 1}; }, false},
        {"no more than that", [](Report&, Report& it, Knowledge&, Policy&) { it.reach.lsn = Lsn{100 + most_to_fetch}; },
         true},
        {"it is no instance of the cluster any more",
         [](Report&, Report&, Knowledge&, Policy& it) { it.members.pop_back(); }, false},
        {"the candidate's own postgres does not run",
         [](Report& candidate, Report&, Knowledge&, Policy&) { candidate.runs_as_standby = false; }, false},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = ahead();
        auto policy = with_spare();
        auto b = standby("b", 100);
        auto c = standby("c", 150);
        row.change(b, c, known, policy);
        test::sees(known, b);
        test::sees(known, c);
        const auto choice = choose(known, policy, now);
        CHECK((written(choice) == nullptr) == row.waits);
        CHECK(upstream(choice, "b") == (row.waits ? "c" : "told nothing"));
    }
    auto known = ahead();
    known.seen["c"].received_at = now - ttl;
    CHECK(written(choose(known, with_spare(), now)));
}

TEST_CASE("what does not come is given up: after a lease time without any, or after three") {
    struct Row {
        const char* what;
        Duration step;           // between two looks
        std::uint64_t progress;  // in each
        Duration given_up_at;
    };
    const Row rows[] = {
        {"nothing", 500ms, 0, ttl},
        {"a little, on and on", 500ms, 1, 3 * ttl},
        {"a little, and then no more", 2500ms, 0, 2500ms + ttl},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = ahead();
        std::ignore = choose(known, with_spare(), now);
        std::uint64_t b = 100;
        if (row.progress == 0 && row.step != 500ms) std::ignore = look(known, now + row.step, b = 101);
        Duration at = row.step;
        for (; at < row.given_up_at; at += 500ms) {
            const auto choice = look(known, now + at, b += row.progress);
            CHECK(written(choice) == nullptr);
            CHECK(choice.look_again);
        }
        CHECK(written(look(known, now + row.given_up_at - 1ms, b)) == nullptr);
        const auto choice = look(known, now + row.given_up_at, b);
        REQUIRE(written(choice));
        CHECK(written(choice)->primary == "b");
        CHECK(given_up(Field{known, with_spare(), {}, now + row.given_up_at}, "b"));

        // Somebody else has written: it does not begin anew.
        learn(known, *known.record, now + row.given_up_at);
        CHECK(written(look(known, now + row.given_up_at + 10ms, b)));
    }
}

TEST_CASE("one upstream after another is not waited for longer than one") {
    auto policy = with_spare();
    policy.members.push_back({Peer{"d", "http://d", "host=d"}, -1});
    auto known = ahead();
    const auto look_at = [&](Duration after) {
        auto c = standby("c", 150);
        auto d = standby("d", 150);
        (after / 1s % 2 == 0 ? d : c).runs_as_standby = false;
        for (const auto& it : {standby("b", 100, "host=c"), c, d}) test::sees(known, it, now + after);
        return choose(known, policy, now + after);
    };
    for (Duration after{}; after < 3 * ttl; after += 1s) {
        CHECK(written(look_at(after)) == nullptr);
        CHECK(known.fast_forward->from == (after / 1s % 2 == 0 ? "c" : "d"));
    }
    CHECK(written(look_at(3 * ttl)));
}

TEST_CASE("the quorum is judged as ever, and may come about by what the candidate has streamed") {
    auto known = ahead();
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
    const auto few = "too few synchronous standbys answer to know who holds every commit";
    std::ignore = choose(known, with_spare(), now);
    CHECK(known.fast_forward);

    // There is nothing else that could be done, so it is not given up.
    auto choice = look(known, now + 4 * ttl, 100);
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for == few);
    CHECK(known.fast_forward->from == "c");
    CHECK(written(look(known, now + 5 * ttl, 149)) == nullptr);

    choice = look(known, now + 5 * ttl + 1s, 150);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "b");

    // One more that is silent, and it never does.
    known = ahead();
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c", "d"}};
    std::ignore = choose(known, with_spare(), now);
    choice = look(known, now + 1s, 150);
    CHECK(written(choice) == nullptr);
    CHECK(choice.waits_for == few);
}

TEST_CASE("max_lag judges what the candidate holds when it has streamed") {
    auto policy = with_spare();
    policy.max_lag = 20;
    auto known = ahead();
    std::ignore = choose(known, policy, now);
    CHECK(written(look(known, now + 4 * ttl, 129, 150, policy)) == nullptr);
    CHECK(written(look(known, now + 8 * ttl, 129, 150, policy)) == nullptr);
    CHECK(written(look(known, now + 8 * ttl + 1s, 130, 150, policy)));
}

TEST_CASE("a primary that serves again is streamed from again, and the next failover begins anew") {
    auto known = ahead();
    std::ignore = choose(known, with_spare(), now);
    test::sees(known, test::primary_report(150), now + 1s);
    auto choice = look(known, now + 1s, 100);
    CHECK(upstream(choice, "b").empty());
    CHECK(choice.waits_for.empty());
    CHECK_FALSE(known.fast_forward);
}

TEST_CASE("a silent primary that goes on by promises is streamed from again") {
    auto known = ahead();
    std::ignore = choose(known, with_spare(), now);
    auto b = standby("b", 100, "host=c");
    b.promised_for = 1s;
    test::sees(known, b, now + 1s);
    test::sees(known, standby("c", 150), now + 1s);
    const auto choice = choose(known, with_spare(), now + 1s);
    CHECK(choice.waits_for == "its promotable members have promised the silent primary lately");
    CHECK(upstream(choice, "b").empty());
}

TEST_CASE("a primary that answers and does not come back is replaced in the same way") {
    auto known = ahead();
    auto a = test::primary_report(150);
    a.serving = false;
    test::sees(known, a, now);
    auto choice = choose(known, with_spare(), now);
    CHECK(written(choice) == nullptr);
    CHECK(upstream(choice, "b") == "c");
}

TEST_CASE("who leads next goes on with it, and waits no longer than its own time") {
    auto known = elected(now, now + 1h);
    auto record = test::record();
    record.promotable.names = record.acknowledged.names = {"b"};
    learn(known, record, now);
    // It may be that a has a lease of the leader before.
    CHECK_FALSE(look(known, now + 1s, 120).waits_for.starts_with("b first"));
    CHECK(look(known, now + 4s, 120).waits_for.starts_with("b first"));
    // Both have told it the same.
    CHECK(upstream(look(known, now + 5s, 130), "b") == "told nothing");
    CHECK(written(look(known, now + 5s + ttl - 1ms, 130)) == nullptr);
    CHECK(written(look(known, now + 5s + ttl, 130)));
}
