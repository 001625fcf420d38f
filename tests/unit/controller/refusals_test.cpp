// What a controller tells who asks for something that cannot be, and what its status says of why.
#include "world.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("who may not be promoted is refused for its own reason") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    struct Row {
        void (*change)(World& world);
        const char* detail;
    };
    const Row rows[] = {
        {[](World& it) { it.agents["pg-2"].fence(); }, "pg-2 may not be promoted: it is fenced"},
        {[](World& it) {
             it.agents["pg-2"].fence(false);
             it.agents["pg-2"].delayed = true;
         },
         "pg-2 may not be promoted: it replays with a delay (postgresql.apply_delay)"},
        {[](World& it) {
             it.agents["pg-2"].delayed = false;
             it.agents["pg-2"].full = true;
         },
         "pg-2 may not be promoted: its volume is full"},
        {[](World& it) { it.agents["pg-2"].die(); }, "pg-2 may not be promoted: it does not answer"},
    };
    for (const Row& row : rows) {
        row.change(world);
        const auto& agent = world.agents["pg-2"];
        const int asked = agent.asked;
        // Of two statuses since then the controller knows the first.
        world.until([&] { return agent.reachable ? agent.asked > asked + 1 : !one.status().instances[1].answers; });
        const auto answer = one.command({ControllerVerb::switchover, "pg-2", ""});
        CHECK(answer.detail == row.detail);
        CHECK(answer.answer == Answer::refused);
        CHECK_FALSE(answer.hint.empty());
        CHECK(answer.hint.find("--lost") == std::string::npos);
    }
}

TEST_CASE("only where the primary does not serve is an operator told of who is lost for good") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-3"].die();
    world.until([&] { return one.status().promotable == std::vector<std::string>{"pg-2"}; });
    world.agents["pg-2"].die();
    world.until([&] { return one.status().promotable.empty(); });
    world.agents["pg-1"].die();
    world.agents["pg-3"].come_back();
    world.until([&] { return one.status().instances[2].answers && !one.status().serving; });

    ControlAnswer answer;
    world.until([&] {
        answer = one.command({ControllerVerb::failover, "pg-3", ""});
        return answer.detail == "pg-3 may not be promoted: it is not on the promotable list";
    });
    CHECK(answer.hint.find("--lost pg-1") != std::string::npos);
}

TEST_CASE("a switchover is not given to who does not answer now, though it was fit a moment ago") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-2"].die();
    world.until([&] { return !one.status().instances[1].trouble.empty(); });
    CHECK(one.status().promotable == std::vector<std::string>{"pg-2", "pg-3"});

    const auto answer = one.command({ControllerVerb::switchover, "pg-2", ""});

    CHECK(answer.answer == Answer::refused);
    CHECK(answer.detail.starts_with("pg-2 may not be promoted: it does not answer"));
    CHECK_FALSE(answer.hint.empty());
}

TEST_CASE("a fenced primary hands over when that is asked for, and not before") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-1"].fence();
    world.until([&] { return one.status().waits_for == "the primary is fenced"; });

    CHECK(one.command({ControllerVerb::switchover, "pg-2", ""}).answer == Answer::under_way);

    world.until([&] { return world.agents.serving() == "pg-2" && one.status().serving; });
    CHECK(world.agents["pg-1"].checkpoints == 0);
}

TEST_CASE("why nothing can be handed over is said as it is") {
    World world;
    world.policy.restart_window = 1h;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-1"].postgres_up = false;
    world.until([&] { return !one.status().serving; });
    auto answer = one.command({ControllerVerb::switchover, "pg-2", ""});
    CHECK(answer.detail == "the primary does not serve, so nothing can be handed over");
    CHECK(answer.hint == "a failover comes by itself; to force it, though commits may be lost: failover --to pg-2");

    world.until([&] { return one.command({ControllerVerb::pause, "", ""}).answer != Answer::refused; });
    world.until([&] { return one.status().paused; });
    answer = one.command({ControllerVerb::switchover, "pg-2", ""});
    CHECK(answer.hint.starts_with("it is paused, so no failover comes by itself: pgbosun-controller resume"));
}

TEST_CASE("a record that is gone, and cannot be made anew, is told in status and to who asks for something") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.end(one);
    world.engine.remove();
    auto& two = world.start("two");

    world.until([&] { return two.status().leads && !two.status().record_trouble.empty(); });

    CHECK(two.status().record_answers);
    CHECK(two.status().record_trouble.starts_with("it is gone, and the instances know of term 1 ("));
    CHECK(two.status().waits_for == "the record cannot be used: " + two.status().record_trouble);
    const auto answer = two.command({ControllerVerb::switchover, "pg-2", ""});
    CHECK(answer.answer == Answer::refused);
    CHECK(answer.detail == "the record cannot be used: it is gone, and the instances know of term 1");
    CHECK(answer.hint.find("backup of the engine") != std::string::npos);
    // Until the next renewal of the leadership, which does not look at the record.
    const Instant later = world.clock.now() + world_ttl;
    world.until([&] {
        CHECK_FALSE(two.status().record_trouble.empty());
        return world.clock.now() > later;
    });
}

TEST_CASE("a recorded primary that is not in the configuration is named as that") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.until([&] { return one.command({ControllerVerb::pause, "", ""}).answer != Answer::refused; });
    world.until([&] { return one.status().paused; });
    world.end(one);
    world.policy.members.erase(world.policy.members.begin());
    auto& two = world.start("two");

    world.until([&] {
        return two.status().leads && two.status().waits_for == "the recorded primary pg-1 is not in the configuration";
    });

    ControlAnswer answer;
    world.until([&] {
        answer = two.command({ControllerVerb::switchover, "pg-2", ""});
        return answer.detail == "the recorded primary pg-1 is not in the configuration";
    });
    CHECK(answer.hint.starts_with("put it back into `instances`"));

    // Lost for good, it can be named as that, though it is no member any more.
    world.agents["pg-1"].die();
    const auto vouch = [&](const std::string& lost) {
        return two.command({ControllerVerb::failover, "pg-2", "a test", "", lost});
    };
    CHECK(vouch("pg-9").detail == "\"pg-9\" is not an instance of this cluster");
    world.until([&] { return vouch("pg-1").answer == Answer::under_way; });
    world.until([&] { return world.agents.serving() == "pg-2"; });
}

TEST_CASE("a cluster that follows another one is promoted only when it holds data") {
    World world;
    world.policy.source = "host=far";
    for (auto& [name, agent] : world.agents.agents) agent->has_data = false;
    auto& one = world.start("one");
    world.until([&] { return one.status().source == "host=far" && one.status().instances[1].answers; });

    ControlAnswer answer;
    world.until([&] {
        answer = one.command({ControllerVerb::promote_cluster, "pg-2", ""});
        return answer.detail == "pg-2 cannot be promoted: it holds no data";
    });
    CHECK(answer.answer == Answer::refused);

    world.agents["pg-2"].has_data = true;
    world.until([&] { return one.command({ControllerVerb::promote_cluster, "pg-2", ""}).answer == Answer::under_way; });
    world.until([&] { return world.agents.serving() == "pg-2"; });
}

TEST_CASE("a follower's memory of a record that is gone is not written before the instances say what they know") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    auto& two = world.start("two");
    world.until([&] { return two.status().leader == "one" && two.status().promotable.size() == 2; });
    // What the follower has not read.
    Assignment later;
    later.cluster = "orders";
    later.instance = "pg-2";
    later.term = two.status().term + 1;
    later.primary = "pg-3";
    later.promotable = {9, {}};
    later.peers = {{"pg-3", "http://pg-3", "host=pg-3"}};
    REQUIRE(world.agents["pg-2"].take(later).has_value());
    world.end(one);
    world.engine.remove();

    world.until(
        [&] { return two.status().record_trouble.starts_with("it is gone, and the instances know of term 2"); });

    CHECK_FALSE(world.engine.stored());
}

TEST_CASE("whether a failover would work now is in the status, and why not") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    CHECK(one.status().candidates == std::vector<std::string>{"pg-2", "pg-3"});
    CHECK(one.status().no_candidate.empty());

    world.agents["pg-2"].fence();
    world.until([&] { return one.status().candidates == std::vector<std::string>{"pg-3"}; });
    world.agents["pg-3"].full = true;
    world.until([&] { return one.status().candidates.empty(); });
    CHECK(one.status().serving);
    CHECK_FALSE(one.status().no_candidate.empty());

    world.agents["pg-3"].full = false;
    world.until([&] { return one.status().candidates == std::vector<std::string>{"pg-3"}; });
    // Who would be promoted is.
    world.agents["pg-1"].die();
    world.until([&] { return world.agents.serving() == "pg-3"; });
}

TEST_CASE("a record that is put back from before the last change of primary is not acted on, and says how to go on") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    const std::string backup = world.engine.stored()->text;
    world.agents["pg-1"].die();
    world.until([&] { return world.agents.serving() == "pg-2" && one.status().serving; });
    world.agents["pg-1"].come_back();
    world.until_whole(one);
    world.until([&] { return world.publication.primaries() == "pg-2"; });

    world.end(one);
    world.engine.plant(backup);
    auto& two = world.start("two");

    const std::string why = "the record is older than the instances (term 2 of pg-2)";
    world.until([&] { return two.status().waits_for.starts_with(why); });
    CHECK(two.status().waits_for.find("put the newer record back") != std::string::npos);
    // Longer than a failover takes. The primary may go on by the promises of the others, so its label stays.
    const Instant later = world.clock.now() + 4 * world_ttl;
    world.until([&] { return world.clock.now() > later; });
    CHECK(world.engine.stored()->text == backup);
    CHECK(world.publication.primaries() == "pg-2");

    auto answer = two.command({ControllerVerb::switchover, "pg-3", "a test"});
    CHECK(answer.detail == why);
    CHECK(answer.hint.find("failover --to NAME") != std::string::npos);
    world.agents["pg-3"].die();
    const Instant silent = world.clock.now() + 2 * world_ttl;
    world.until([&] { return world.clock.now() > silent; });
    answer = two.command({ControllerVerb::failover, "pg-2", "a test"});
    CHECK(answer.detail == why + ": pg-3 does not answer, and may be the primary of a later term");
    world.agents["pg-3"].come_back();
    world.until([&] { return two.status().instances[2].trouble.empty(); });
    CHECK(two.command({ControllerVerb::failover, "pg-2", "a test"}).answer == Answer::under_way);
    world.until_whole(two);
    CHECK(two.status().primary == "pg-2");
    CHECK(two.status().term == 3);
    CHECK(two.status().waits_for.empty());
}
