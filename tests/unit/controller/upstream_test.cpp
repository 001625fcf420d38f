#include "controller/upstream.hpp"

#include "controller/choose.hpp"
#include "scene.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::controller;
using namespace std::chrono_literals;
using pgbosun::test::now;
using pgbosun::test::told;
using pgbosun::test::ttl;

namespace {

// c streams from b, as long as b streams from the primary a.
Policy cascading() {
    Policy policy = test::policy();
    policy.members[2].upstream = "b";
    return policy;
}

Report from(const std::string& name, const std::string& conninfo) {
    Report it = test::report(name);
    it.upstream = conninfo;
    return it;
}

// The cluster follows another one under term 6; a, b and c hold the same.
Knowledge following() {
    auto known = test::leading();
    learn(known, follow_source(*known.record, "host=far"), now - 1h);
    return known;
}

Report follower(const std::string& name, const std::string& conninfo) {
    Report it = test::report(name, 100, 6);
    it.primary = source_name;
    it.upstream = conninfo;
    it.reach.term = 6;
    return it;
}

}  // namespace

TEST_CASE("a standby streams from the standby that is named for it") {
    auto known = test::healthy();

    CHECK(upstream_of(known, cascading(), "c", now) == "b");
    CHECK(upstream_of(known, cascading(), "b", now).empty());
    CHECK(upstream_of(known, cascading(), "a", now).empty());
    CHECK(upstream_of(known, cascading(), "nobody", now).empty());
}

TEST_CASE("it streams from the primary while the standby that is named for it is silent, or is the primary") {
    auto known = test::healthy();
    CHECK(upstream_of(known, cascading(), "c", now + ttl - 1ms) == "b");
    CHECK(upstream_of(known, cascading(), "c", now + ttl).empty());

    learn(known, change_primary(*known.record, "b", Chosen::from_list, DataLoss::refused), now);
    CHECK(upstream_of(known, cascading(), "c", now).empty());
}

TEST_CASE("a moment without streaming does not change whom the others stream from") {
    auto known = test::healthy();
    auto silent = test::report("b");
    silent.streaming = false;
    test::sees(known, silent, now + ttl);
    CHECK(upstream_of(known, cascading(), "c", now + ttl) == "b");
    test::sees(known, silent, now + 2 * ttl);
    CHECK(upstream_of(known, cascading(), "c", now + 2 * ttl).empty());
}

TEST_CASE("who says that it streams from elsewhere is told again, and only then") {
    auto known = test::healthy();
    test::sees(known, from("b", "host=a"));
    test::sees(known, from("c", "host=a"));

    const auto choice = choose(known, cascading(), now);
    CHECK_FALSE(told(choice, "b"));
    const auto* assignment = told(choice, "c");
    REQUIRE(assignment);
    CHECK(assignment->primary == "a");
    CHECK(assignment->upstream == "b");

    test::sees(known, from("c", "host=b"), now + 1ms);
    CHECK_FALSE(told(choose(known, cascading(), now + 1ms), "c"));
    test::sees(known, from("c", ""), now + 2ms);
    CHECK(told(choose(known, cascading(), now + 2ms), "c"));
}

TEST_CASE("who streams from another standby, and who replays late, is not waited for by a commit") {
    auto known = test::healthy();
    auto policy = cascading();
    policy.synchronous = SynchronousWish{SyncMethod::any, 1, DataDurability::required};
    auto choice = choose(known, policy, now);
    const auto written = [](const Choice& it) { return std::get<Write>(it.actions.front()).record; };
    CHECK(written(choice).synchronous.names == std::vector<std::string>{"a", "b"});

    known = test::healthy();
    auto late = test::report("c");
    late.delayed = true;
    test::sees(known, late);
    policy.members[2].upstream.clear();
    choice = choose(known, policy, now);
    CHECK(written(choice).promotable.names == std::vector<std::string>{"b"});
    CHECK(written(choice).synchronous.names == std::vector<std::string>{"a", "b"});
}

TEST_CASE("a standby that replays late is never promoted") {
    auto known = test::healthy();
    auto late = test::report("b");
    late.delayed = true;
    test::sees(known, late);
    CHECK(unfit(Field{known, test::policy(), {}, now}, "b", DataLoss::accepted).find("delay") !=
          std::string_view::npos);
}

TEST_CASE("a new cluster follows another one when it is configured so") {
    Knowledge known = elected(now, now + 1h);
    Record none;
    none.cluster = "orders";
    learn(known, none, now);
    auto policy = test::policy();
    policy.source = "host=far";

    const auto choice = choose(known, policy, now);

    REQUIRE(choice.actions.size() == 1);
    const auto& record = std::get<Write>(choice.actions.front()).record;
    CHECK(record.term == 1);
    CHECK(record.primary == source_name);
    CHECK(record.source == "host=far");
    CHECK(record.former.empty());
}

TEST_CASE("of a cluster that follows another one, one member streams from there and the others from it") {
    auto known = following();
    CHECK(leader_of_standbys(known, test::policy(), now).empty());
    for (const char* name : {"a", "b", "c"}) test::sees(known, follower(name, ""));
    const auto leader = leader_of_standbys(known, test::policy(), now);
    const auto choice = choose(known, test::policy(), now);
    for (const char* name : {"a", "b", "c"}) {
        const auto* assignment = told(choice, name);
        REQUIRE(assignment);
        CHECK(assignment->primary == source_name);
        CHECK(assignment->upstream == (name == leader ? "" : leader));
        CHECK(assignment->peers.back() == Peer{std::string(source_name), "", "host=far"});
        CHECK_FALSE(assignment->lease);
    }
}

TEST_CASE("of a cluster that follows an archive each member reads that itself, and is told so once") {
    auto known = test::leading();
    learn(known, follow_source(*known.record, std::string(archive_source)), now - 1h);
    for (const char* name : {"a", "b", "c"}) test::sees(known, follower(name, "host=far"));
    auto choice = choose(known, cascading(), now);
    for (const char* name : {"a", "b", "c"}) {
        const auto* assignment = told(choice, name);
        REQUIRE(assignment);
        CHECK(assignment->upstream.empty());
        CHECK(assignment->peers.back() == Peer{std::string(source_name), "", std::string(archive_source)});
        CHECK_FALSE(assignment->lease);
    }

    for (const char* name : {"a", "b", "c"}) test::sees(known, follower(name, std::string(archive_source)), now + 1ms);
    CHECK(choose(known, cascading(), now + 1ms).actions.empty());
}

TEST_CASE("of who follow an archive the one that has replayed the most is promoted, the later timeline first") {
    auto known = test::leading();
    learn(known, follow_source(*known.record, std::string(archive_source)), now - 1h);
    const auto at = [](const char* name, std::uint32_t timeline, std::uint64_t lsn) {
        Report it = follower(name, std::string(archive_source));
        it.streaming = false;
        it.reach.timeline = Timeline{timeline};
        it.reach.lsn = Lsn{lsn};
        return it;
    };
    test::sees(known, at("a", 1, 900));
    test::sees(known, at("b", 2, 500));
    test::sees(known, at("c", 2, 600));
    CHECK(pick(Field{known, test::policy(), {}, now}, "").name == "c");
    test::sees(known, at("c", 2, 400), now + 1ms);
    CHECK(pick(Field{known, test::policy(), {}, now + 1ms}, "").name == "b");
}

TEST_CASE("who streams from the followed cluster goes on with it, though another one gets further for a moment") {
    auto known = following();
    test::sees(known, follower("a", "host=b"));
    test::sees(known, follower("b", "host=far"));
    auto ahead = follower("c", "host=b");
    ahead.reach.lsn = Lsn{200};
    test::sees(known, ahead);
    CHECK(leader_of_standbys(known, test::policy(), now) == "b");
    CHECK(choose(known, test::policy(), now).actions.empty());

    test::sees(known, follower("a", "host=b"), now + ttl);
    test::sees(known, ahead, now + ttl);
    CHECK(leader_of_standbys(known, test::policy(), now + ttl) == "c");
}

TEST_CASE("a cluster that follows another one has nobody who writes, so nobody is waited for but who wrote before") {
    auto known = following();
    CHECK(known.record->former == std::vector<std::string>{"a"});
    const auto next = change_primary(*known.record, "b", Chosen::all_stopped, DataLoss::refused);
    CHECK(next.source.empty());
    CHECK(next.former == std::vector<std::string>{"a"});
    CHECK(next.term == 7);
    // The other cluster may change its address without a new term.
    CHECK(follow_source(*known.record, "host=farther").term == 6);
}
