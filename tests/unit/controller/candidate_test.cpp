#include "controller/candidate.hpp"

#include "controller/handover.hpp"
#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::now;

namespace {

Knowledge two_standbys(std::uint64_t b, std::uint64_t c) {
    auto known = test::leading();
    test::sees(known, test::report("b", b));
    test::sees(known, test::report("c", c));
    return known;
}

Pick picked(const Knowledge& known, const Policy& policy = test::policy(), NotBefore not_before = {}) {
    return pick(Field{known, policy, not_before, now}, "a");
}

}  // namespace

TEST_CASE("the one that holds the most is picked: by term of its data, timeline, position, priority, replay, name") {
    CHECK(picked(two_standbys(100, 101)).name == "c");
    CHECK(picked(two_standbys(101, 100)).name == "b");
    CHECK(picked(two_standbys(100, 100)).name == "b");

    auto policy = test::policy();
    policy.members[2].priority = 1;
    CHECK(picked(two_standbys(100, 100), policy).name == "c");
    CHECK(picked(two_standbys(101, 100), policy).name == "b");

    auto replaying = two_standbys(100, 100);
    replaying.seen["b"].report.to_replay = 1;
    CHECK(picked(replaying).name == "c");
    policy.members[1].priority = 1;
    CHECK(picked(replaying, policy).name == "c");  // of equal priority
    policy.members[1].priority = 2;
    replaying.seen["b"].report.to_replay = most_to_replay;
    CHECK(picked(replaying, policy).name == "b");
    ++replaying.seen["b"].report.to_replay;
    CHECK(picked(replaying, policy).name == "c");  // whatever its priority
    replaying.seen["b"].report.reach.lsn = Lsn{101};
    CHECK(picked(replaying, policy).name == "b");  // but not what it holds
    policy.members[1].priority = policy.members[2].priority = 0;

    auto known = two_standbys(900, 100);
    auto older = test::report("b", 900);
    older.reach.term = 4;
    older.reach.timeline = Timeline{9};
    test::sees(known, older);
    CHECK(picked(known).name == "c");
}

TEST_CASE("who cannot be promoted is not picked") {
    struct Row {
        const char* name;
        void (*change)(Report&, Policy&, Record&);
    };
    const Row rows[] = {
        {"fenced", [](Report& it, Policy&, Record&) { it.fenced = true; }},
        {"its postgres cannot", [](Report& it, Policy&, Record&) { it.able = false; }},
        {"another system", [](Report& it, Policy&, Record&) { it.system_id = SystemId{8}; }},
        {"no system id", [](Report& it, Policy&, Record&) { it.system_id.reset(); }},
        {"never to be primary", [](Report&, Policy& it, Record&) { it.members[1].priority = -1; }},
        {"not a member", [](Report&, Policy& it, Record&) { it.members.erase(it.members.begin() + 1); }},
        {"not on the list", [](Report&, Policy&, Record& it) { it.promotable.names = {"c"}; }},
        {"on the list, which nobody has taken over",
         [](Report&, Policy&, Record& it) { it.acknowledged.names = {"c"}; }},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto known = two_standbys(200, 100);
        auto policy = test::policy();
        auto report = test::report("b", 200);
        row.change(report, policy, *known.record);
        test::sees(known, report, now);
        CHECK(picked(known, policy).name == "c");
    }
}

TEST_CASE("who is on no list may be promoted when all who may write are known to have stopped") {
    auto known = two_standbys(200, 100);
    known.record->promotable.names = known.record->acknowledged.names = {"c"};
    auto stopped = test::report("a", 50);
    test::sees(known, stopped);

    const auto best = picked(known);

    CHECK(best.name == "b");
    CHECK(best.chosen == Chosen::all_stopped);
    stopped.stopped = false;
    test::sees(known, stopped);
    CHECK(picked(known).name == "c");
}

TEST_CASE("what was asked for too early, or came long ago, does not count") {
    auto known = test::leading();
    test::sees(known, test::report("b", 200), now - 1s);
    test::sees(known, test::report("c", 100), now);
    CHECK(picked(known).name == "b");
    CHECK(picked(known, test::policy(), now - 1s + 1ns).name == "c");

    known = test::leading();
    test::sees(known, test::report("b", 200), now - test::ttl);
    CHECK_FALSE(picked(known).name);
}

TEST_CASE("a synchronous failover waits until one of those who answer is bound to have every commit") {
    struct Row {
        int number;
        std::vector<std::string> names;
        std::vector<std::string> answering;
        bool allowed;
    };
    const Row rows[] = {
        {0, {}, {"b"}, true},
        {1, {"a", "b"}, {"b"}, true},
        {1, {"a", "b", "c"}, {"b"}, false},
        {1, {"a", "b", "c"}, {"b", "c"}, true},
        {2, {"a", "b", "c"}, {"b"}, true},
        {1, {"a", "c"}, {"b"}, false},
        {2, {"a", "b", "c", "d"}, {"b"}, false},
        {2, {"a", "b", "c", "d"}, {"b", "c"}, true},
    };
    for (const Row& row : rows) {
        auto known = test::leading();
        known.record->synchronous = {1, SyncMethod::any, row.number, row.names};
        for (const auto& name : row.answering) test::sees(known, test::report(name));
        const auto best = picked(known);
        INFO(row.number << " of " << row.names.size() << ", " << row.answering.size() << " answer: " << best.why_not);
        CHECK(best.name.has_value() == row.allowed);

        auto superseded = known;
        superseded.record->superseded = {superseded.record->synchronous};
        superseded.record->synchronous = {2, SyncMethod::any, 0, {}};
        CHECK(picked(superseded).name.has_value() == row.allowed);
    }
}

TEST_CASE("who does not know all that it holds, or holds nothing, is not counted among those who answer") {
    const std::pair<const char*, void (*)(Report&)> rows[] = {
        {"it has not read all of its WAL", [](Report& it) { it.reach_age.reset(); }},
        {"and says so for hours", [](Report& it) { it.reach_age = 3h; }},
        {"its data is gone, or another's copy", [](Report& it) { it.reach = {}; }},
    };
    for (const auto& [name, change] : rows) {
        INFO(name);
        auto known = two_standbys(100, 50);
        known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
        known.record->former = {"a"};
        CHECK(picked(known, test::policy(), now - 1s).name == "b");
        auto report = test::report("c", 50);
        change(report);
        test::sees(known, report);
        CHECK(picked(known, test::policy(), now - 1s).why_not ==
              "too few synchronous standbys answer to know who holds every commit");
        // The former primary itself the less.
        auto former = test::report("a", 50);
        change(former);
        test::sees(known, former);
        CHECK_FALSE(picked(known, test::policy(), now - 1s).name);
    }
}

TEST_CASE("a synchronous standby that holds more than whoever can be promoted keeps it from being promoted") {
    auto known = two_standbys(100, 200);
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
    auto unable = test::report("c", 200);
    unable.able = false;
    test::sees(known, unable);
    CHECK_FALSE(picked(known).name);

    unable.reach.lsn = Lsn{100};
    test::sees(known, unable);
    CHECK(picked(known).name == "b");
}

TEST_CASE("a standby that has not heard of the term may have confirmed its commits all the same") {
    auto known = two_standbys(100, 100);
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
    auto unheard = test::report("c", 101);
    unheard.reach.term = 3;
    test::sees(known, unheard);
    CHECK(picked(known).why_not == "too few synchronous standbys answer to know who holds every commit");

    // No further than the candidate, or on a timeline that was left.
    unheard.reach.lsn = Lsn{100};
    test::sees(known, unheard);
    CHECK(picked(known).name == "b");
    unheard.reach = {3, Timeline{0}, Lsn{900}};
    test::sees(known, unheard);
    CHECK(picked(known).name == "b");
}

TEST_CASE("the old primary itself, stopped and within reach, says what it has acknowledged") {
    auto known = test::leading();
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
    test::sees(known, test::report("b", 100));
    CHECK_FALSE(picked(known).name);

    test::sees(known, test::report("a", 100));
    CHECK(picked(known).name == "b");
    test::sees(known, test::report("a", 101));
    CHECK_FALSE(picked(known).name);
}

TEST_CASE("who has written nothing since the term of the candidate's data began has nothing that the candidate lacks") {
    struct Row {
        const char* name;
        void (*change)(Report& former, Report& candidate, Record& record);
        bool allowed;
    };
    const Row rows[] = {
        {"it says so", [](Report&, Report&, Record&) {}, true},
        {"it has never been a primary", [](Report& it, Report&, Record&) { it.accepted = 0; }, true},
        {"it was the primary of that term", [](Report& it, Report&, Record&) { it.accepted = 5; }, false},
        {"its volume is as young as that term, and remembers nothing of an earlier one",
         [](Report& it, Report&, Record&) { it.first_term = 5; }, false},
        {"it does not say how old its volume is", [](Report& it, Report&, Record&) { it.first_term = 0; }, false},
        {"it has not seen the recorded term, and may become the primary of one before it yet",
         [](Report& it, Report&, Record& record) {
             record.term = 6;
             it.term = 5;
         },
         false},
        {"the candidate's data is as old", [](Report&, Report& it, Record&) { it.reach.term = 4; }, false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto known = test::leading();
        known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
        auto former = test::report("a", 0);
        former.reach = {};  // it is being rewound
        former.accepted = 4;
        former.first_term = 1;
        auto candidate = test::report("b", 100);
        row.change(former, candidate, *known.record);
        test::sees(known, former);
        test::sees(known, candidate);
        CHECK(picked(known).name.has_value() == row.allowed);
        known.seen["a"].received_at = now - test::ttl;
        CHECK_FALSE(picked(known).name);
    }
}

TEST_CASE(
    "who was last recorded as primary before the candidate's data began has nothing that it lacks, and need not say "
    "so") {
    for (const Term last : {Term{3}, Term{4}, Term{5}, Term{6}}) {
        INFO(last);
        auto known = test::leading();
        known.record->term = 6;
        known.record->primary = "b";
        known.record->former = {"a"};
        known.record->former_terms = {{"a", last}};
        known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
        auto candidate = test::candidate();
        candidate.reach.term = 5;
        test::sees(known, candidate);
        CHECK(picked(known).name.has_value() == (last < 5));
        known.record->former_terms.clear();
        CHECK_FALSE(picked(known).name);
    }
}

TEST_CASE("an asynchronous candidate that lags by more than max_lag is refused") {
    auto policy = test::policy();
    policy.max_lag = 50;
    for (const std::uint64_t lsn : {149, 150, 151}) {
        auto known = two_standbys(100, 90);
        test::sees(known, test::primary_report(lsn), now - 1h);
        CHECK(picked(known, policy).name.has_value() == (lsn <= 150));
    }
}

TEST_CASE("a leader that never saw the primary knows from the standbys how far it had come at least") {
    auto policy = test::policy();
    policy.max_lag = 50;
    const auto allowed = [&](Report ahead, Instant at = now) {
        auto known = test::leading();
        test::sees(known, test::report("b", 100));
        test::sees(known, std::move(ahead), at);
        return picked(known, policy).name.has_value();
    };
    // Who holds more, and cannot be promoted.
    const auto fenced = [](std::uint64_t lsn) {
        auto it = test::report("c", lsn);
        it.fenced = true;
        return it;
    };
    CHECK(allowed(fenced(150)));
    CHECK_FALSE(allowed(fenced(151)));
    CHECK_FALSE(allowed(fenced(151), now - 1h));
    // Who has heard of more.
    auto heard = test::report("c", 100);
    heard.newest = Lsn{150};
    CHECK(allowed(heard));
    heard.newest = Lsn{151};
    CHECK_FALSE(allowed(heard));
    // Of another history.
    heard.reach.term = 4;
    CHECK(allowed(heard));

    // It goes on knowing that when it has lost the connection.
    auto known = test::leading();
    auto b = test::report("b", 100);
    b.newest = Lsn{151};
    test::sees(known, b, now - 1s);
    test::sees(known, test::report("b", 100));
    CHECK(picked(known, policy).why_not == "it lags by more than max_lag");
}

TEST_CASE("what is given up when another one than who holds the most is promoted is known, and why") {
    struct Row {
        const char* what;
        void (*change)(Report& it, Policy& policy);
        const char* text;
    };
    const Row rows[] = {
        {"no more", [](Report& it, Policy&) { it.reach.lsn = Lsn{100}; }, ""},
        {"never primary", [](Report&, Policy& it) { it.members[2].priority = -1; },
         "c holds 50 bytes more than b: its priority says that it must never be primary"},
        {"delayed", [](Report& it, Policy&) { it.delayed = true; },
         "c holds 50 bytes more than b: it replays with a delay (postgresql.apply_delay)"},
        {"of a later timeline",
         [](Report& it, Policy&) {
             it.fenced = true;
             it.reach.timeline = Timeline{2};
         },
         "c holds WAL of a later timeline than b: it is fenced"},
        {"of another system", [](Report& it, Policy&) { it.system_id = SystemId{8}; }, ""},
        {"it could be", [](Report&, Policy&) {}, "c holds 50 bytes more than b: another one is promoted"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto known = two_standbys(100, 150);
        auto policy = test::policy();
        auto c = test::report("c", 150);
        row.change(c, policy);
        test::sees(known, c);
        const auto more = given_up(Field{known, policy, {}, now}, "b");
        CHECK((more ? to_text(*more, "b") : "") == row.text);
        // Who is silent holds it still, but nobody knows.
        CHECK_FALSE(given_up(Field{known, policy, {}, now + test::ttl}, "b"));
    }
}

TEST_CASE("whether max_lag has counted what is given up is said, and what it waits for names who holds more") {
    auto known = two_standbys(100, 150);
    known.seen["c"].report.delayed = true;
    auto policy = test::policy();
    const auto judged = [&] {
        const Field field{known, policy, {}, now};
        return std::string(judged_by_max_lag(field, given_up(field, "b").value()));
    };
    CHECK(judged() == "no: none is configured");
    policy.max_lag = 50;
    CHECK(judged() == "yes: it allows that");
    CHECK(picked(known, policy).name == "b");
    policy.max_lag = 49;
    CHECK(
        picked(known, policy).why_not ==
        "it lags by more than max_lag: c holds 50 bytes more than b: it replays with a delay (postgresql.apply_delay)");
    policy.max_lag = 50;
    known.seen["c"].report.reach.timeline = Timeline{2};
    CHECK(judged() == "no: it counts bytes of one timeline");
    known.record->synchronous.number = 1;
    CHECK(judged() == "no: it is for asynchronous standbys");
    known.record->data_loss = DataLoss::accepted;
    CHECK(judged() == "no: the failover is forced");
}
