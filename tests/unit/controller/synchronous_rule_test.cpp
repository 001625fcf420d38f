#include "controller/choose.hpp"
#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::now;
using pgbosun::test::written;

TEST_CASE("with `first` the standbys of the highest priority are the synchronous ones") {
    auto known = test::healthy();
    auto policy = test::policy();
    policy.members[2].priority = 5;
    policy.synchronous = SynchronousWish{SyncMethod::first, 1, DataDurability::required};
    auto choice = choose(known, policy, now);
    REQUIRE(written(choice));
    CHECK(written(choice)->synchronous.names == std::vector<std::string>{"c", "a", "b"});

    known = test::healthy();
    policy.synchronous->method = SyncMethod::any;
    choice = choose(known, policy, now);
    REQUIRE(written(choice));
    CHECK(written(choice)->synchronous.names == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("an instance for which no commit is to wait is no synchronous standby, and may be promoted all the same") {
    struct Row {
        const char* what;
        std::string primary;
        std::vector<std::string> listed;
        std::vector<int> priorities;
        SynchronousWish wish;
        std::vector<std::string> before;
        int number;
        std::vector<std::string> names;
    };
    using enum SyncMethod;
    using enum DataDurability;
    const Row rows[] = {
        {"any", "a", {"b", "c"}, {0, 0, 0}, {any, 1, required}, {}, 1, {"a", "b"}},
        {"first: in the order of priority",
         "a",
         {"b", "c", "d"},
         {1, 2, 9, 3},
         {first, 1, required},
         {},
         1,
         {"d", "b", "a"}},
        {"it is the primary", "c", {"a", "b"}, {0, 0, 0}, {any, 1, required}, {}, 1, {"a", "b"}},
        {"too few others are there: it does not take their place",
         "a",
         {"c"},
         {0, 0, 0},
         {any, 1, required},
         {"a", "b"},
         1,
         {"a", "b"}},
        {"it was one until now, and too few others are there",
         "a",
         {"c"},
         {0, 0, 0},
         {any, 1, required},
         {"a", "b", "c"},
         1,
         {"a", "b"}},
        {"it was the only one until now", "a", {"c"}, {0, 0, 0}, {any, 1, required}, {"a", "c"}, 1, {"a", "b"}},
        {"who is no member any more is waited for until enough others are there",
         "a",
         {"c"},
         {0, 0, 0},
         {any, 1, required},
         {"a", "z"},
         1,
         {"a", "z"}},
        {"and nobody else could be waited for",
         "a",
         {"c"},
         {0, 0, 0},
         {any, 2, required},
         {"a", "b", "c"},
         2,
         {"a", "b", "c"}},
        {"nobody else was ever there", "a", {"c"}, {0, 0, 0}, {any, 1, required}, {}, 1, {"a", "b"}},
        {"preferred: the primary goes on alone", "a", {"c"}, {0, 0, 0}, {any, 1, preferred}, {}, 0, {"a"}},
        {"preferred, and it is the primary", "c", {}, {0, 0, 0}, {any, 1, preferred}, {}, 0, {"c"}},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto policy = test::policy();
        if (row.priorities.size() == 4) policy.members.push_back({Peer{"d", "http://d", "host=d"}, 0});
        for (std::size_t at = 0; at < row.priorities.size(); ++at) policy.members[at].priority = row.priorities[at];
        policy.members[2].confirms = false;
        policy.synchronous = row.wish;
        auto known = test::leading();
        known.record->primary = row.primary;
        known.record->promotable.names = known.record->acknowledged.names = row.listed;
        known.record->synchronous = {1, row.wish.method, row.before.empty() ? 0 : row.wish.number, row.before};
        auto primary = test::primary_report();
        primary.instance = primary.primary = row.primary;
        primary.synchronous_version = 1;
        test::sees(known, primary);
        for (const auto& name : row.listed) {
            auto standby = test::report(name);
            standby.primary = row.primary;
            test::sees(known, standby);
        }
        const auto choice = choose(known, policy, now);
        const auto& rule = written(choice) == nullptr ? known.record->synchronous : written(choice)->synchronous;
        CHECK(rule.number == row.number);
        CHECK(rule.names == row.names);
    }

    // It holds the most, and b says what was acknowledged.
    auto known = test::leading();
    known.record->synchronous = {1, any, 1, {"a", "b"}};
    test::sees(known, test::report("c", 101));
    auto policy = test::policy();
    policy.members[2].confirms = false;
    CHECK(written(choose(known, policy, now)) == nullptr);
    test::sees(known, test::report("b", 100));
    const auto choice = choose(known, policy, now);
    REQUIRE(written(choice));
    CHECK(written(choice)->primary == "c");
}

TEST_CASE("who ends, or has not streamed from the primary for a while, is waited for only where commits have to wait") {
    struct Row {
        const char* what;
        DataDurability durability;
        bool c_ends;
        std::vector<std::string> there;  // as the primary says, for long
        Duration for_long;
        int number;
        std::vector<std::string> names;
    };
    using enum DataDurability;
    const Row rows[] = {
        {"all are there", preferred, false, {"b", "c"}, 10s, 2, {"a", "b", "c"}},
        {"c ends", preferred, true, {"b", "c"}, 0s, 1, {"a", "b"}},
        {"c is gone for a moment", preferred, false, {"b"}, 999ms, 2, {"a", "b", "c"}},
        {"c is gone", preferred, false, {"b"}, 1s, 1, {"a", "b"}},
        {"both are gone", preferred, false, {}, 1s, 0, {"a"}},
        {"commits have to wait", required, true, {}, 10s, 2, {"a", "b", "c"}},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        auto policy = test::policy();
        policy.synchronous = SynchronousWish{SyncMethod::any, 2, row.durability};
        auto known = test::healthy();
        known.record->synchronous = {1, SyncMethod::any, 2, {"a", "b", "c"}};
        auto primary = test::primary_report();
        primary.synchronous_version = 1;
        primary.standbys = row.there;
        for (const Instant at : {now, now + row.for_long}) {
            test::sees(known, primary, at);
            test::sees(known, test::report("b"), at);
            auto c = test::report("c");
            c.ending = row.c_ends;
            test::sees(known, c, at);
        }
        const auto choice = choose(known, policy, now + row.for_long);
        const auto& rule = written(choice) == nullptr ? known.record->synchronous : written(choice)->synchronous;
        CHECK(rule.number == row.number);
        CHECK(rule.names == row.names);
    }
}

TEST_CASE("a primary that does not say who streams from it, or only once, makes nobody absent") {
    auto policy = test::policy();
    policy.synchronous = SynchronousWish{SyncMethod::any, 1, DataDurability::preferred};
    auto known = test::healthy();
    known.record->synchronous = {1, SyncMethod::any, 1, {"a", "b", "c"}};
    auto primary = test::primary_report();
    primary.synchronous_version = 1;
    if (GENERATE(true, false)) primary.standbys.emplace();
    test::sees(known, primary);
    for (const char* name : {"b", "c"}) test::sees(known, test::report(name), now + 2s);
    CHECK(written(choose(known, policy, now + 2s)) == nullptr);
}
