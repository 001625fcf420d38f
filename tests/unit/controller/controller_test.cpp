// The controller's shell, with decisions and rights as they are and agents, record and clock of the test.
#include "pgbosun/spawn.hpp"
#include "support/run.hpp"
#include "world.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

const std::string dropped_order =
    "what an operator has asked for is not in the record, which has changed in that moment";

}  // namespace

TEST_CASE("a new cluster gets a record, a primary and a published role") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    const auto status = one.status();
    CHECK(status.leads);
    CHECK(status.leader == "one");
    CHECK(status.leader_url == "http://one:8009");
    CHECK(status.term == 1);
    CHECK(status.primary == "pg-1");
    REQUIRE(world.engine.stored());
    CHECK(world.engine.stored()->text.find("\"primary\": \"pg-1\"") != std::string::npos);
    world.until([&] { return world.publication.primaries() == "pg-1" && world.publication.roles.size() == 3; });
    world.until([&] { return world.publication.roles["pg-2"] == PublishedRole::standby; });
    CHECK(world.publication.told == std::vector<std::string>{"PrimaryServes: pg-1 is the primary of term 1"});
}

TEST_CASE("a primary that is gone is replaced, and follows when it is back") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-1"].die();
    world.until([&] { return world.agents.serving() == "pg-2"; });
    world.until([&] { return world.publication.primaries() == "pg-2"; });
    world.agents["pg-1"].come_back();
    world.until_whole(one);
    CHECK(one.status().term == 2);
    CHECK(world.agents["pg-1"].right().record.primary == "pg-2");
}

TEST_CASE("a primary whose postgres does not come back in its window is replaced") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.agents["pg-1"].postgres_up = false;
    world.agents["pg-1"].tell();
    world.until([&] { return world.agents.serving() == "pg-2"; });
    CHECK(one.status().changes == 2);
}

TEST_CASE("what makes no sense is refused with a reason, and nothing changes") {
    World world;
    auto& one = world.start("one");
    CHECK(one.command({ControllerVerb::switchover, "pg-2", ""}).answer == Answer::refused);
    world.until_whole(one);
    const auto before = world.engine.stored();
    for (const std::string to : {"pg-1", "pg-9"}) {
        for (const auto verb : {ControllerVerb::switchover, ControllerVerb::failover}) {
            const auto answer = one.command({verb, to, ""});
            CHECK(answer.answer == Answer::refused);
            CHECK_FALSE(answer.detail.empty());
        }
    }
    CHECK(one.command({ControllerVerb::failover, "", ""}).answer == Answer::refused);
    CHECK(one.command({ControllerVerb::resume, "", ""}).answer == Answer::done);
    CHECK(world.engine.stored() == before);
}

TEST_CASE("paused, a primary that is gone is waited for, and resumed it is replaced") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.until([&] { return one.command({ControllerVerb::pause, "", ""}).answer != Answer::refused; });
    world.until([&] { return one.status().paused; });
    world.agents["pg-1"].die();
    world.until([&] { return one.status().waits_for == "it is paused"; });
    CHECK(world.agents.serving().empty());
    world.until([&] { return one.command({ControllerVerb::resume, "", ""}).answer != Answer::refused; });
    world.until([&] { return world.agents.serving() == "pg-2"; });
    // The failover that it allows changes the record at once: it was obeyed all the same.
    CHECK_FALSE(has_logged(dropped_order));
}

TEST_CASE("an order that came to nothing, because the record changed in that moment, is told") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);

    world.until([&] { return one.command({ControllerVerb::pause, "", ""}).answer == Answer::under_way; });
    world.engine.plant(world.engine.stored()->text);
    world.until([&] { return has_logged(dropped_order); });
    CHECK_FALSE(one.status().paused);

    logged().clear();
    world.until([&] { return one.command({ControllerVerb::pause, "", ""}).answer == Answer::under_way; });
    world.engine.lose_next_answer();
    world.until([&] { return one.status().paused; });
    world.until([&] { return one.command({ControllerVerb::resume, "", ""}).answer == Answer::under_way; });
    world.until([&] { return !one.status().paused; });
    CHECK_FALSE(has_logged(dropped_order));
}

TEST_CASE("a new cluster follows another one, is promoted when it is told so, and follows it again") {
    World world;
    world.policy.source = "host=far";
    auto& one = world.start("one");
    const auto streams_from = [&](const std::string& name) {
        return world.agents[name].status().managed->upstream.value();
    };
    const auto all_follow = [&] {
        return streams_from("pg-1") == "host=far" && streams_from("pg-2") == "host=pg-1" &&
               streams_from("pg-3") == "host=pg-1";
    };
    world.until(all_follow);
    CHECK(one.status().source == "host=far");
    CHECK(one.status().primary == source_name);
    CHECK(world.agents.serving().empty());
    CHECK(one.command({ControllerVerb::switchover, "pg-2", ""}).answer == Answer::refused);
    CHECK(one.command({ControllerVerb::failover, "pg-2", ""}).answer == Answer::refused);
    CHECK(one.command({ControllerVerb::promote_cluster, "pg-9", ""}).answer == Answer::refused);
    CHECK(one.command({ControllerVerb::demote_cluster, "", ""}).answer == Answer::refused);
    CHECK(one.command({ControllerVerb::demote_cluster, "", "", "host=far"}).answer == Answer::done);

    const Term term = one.status().term;
    const std::string archive(archive_source);
    world.until(
        [&] { return one.command({ControllerVerb::demote_cluster, "", "", archive}).answer != Answer::refused; });
    world.until([&] {
        return streams_from("pg-1") == archive && streams_from("pg-2") == archive && streams_from("pg-3") == archive;
    });
    CHECK(one.status().source == archive);
    CHECK(one.status().term == term);
    world.until(
        [&] { return one.command({ControllerVerb::demote_cluster, "", "", "host=far"}).answer != Answer::refused; });
    world.until(all_follow);

    CHECK(one.command({ControllerVerb::promote_cluster, "pg-2", ""}).answer == Answer::under_way);
    world.until_whole(one);
    CHECK(one.status().primary == "pg-2");
    CHECK(one.status().source.empty());
    CHECK(one.command({ControllerVerb::promote_cluster, "", ""}).answer == Answer::refused);

    world.until(
        [&] { return one.command({ControllerVerb::demote_cluster, "", "", "host=far"}).answer != Answer::refused; });
    world.until([&] { return world.agents.serving().empty() && one.status().source == "host=far"; });
    // Who leads goes away: another one streams from there.
    world.until([&] { return streams_from("pg-1") == "host=far" && streams_from("pg-2") == "host=pg-1"; });
    world.agents["pg-1"].die();
    world.until([&] { return streams_from("pg-2") == "host=far" && streams_from("pg-3") == "host=pg-2"; });
}

TEST_CASE("a standby streams from the standby that is named for it, and from the primary while that one is away") {
    World world;
    world.policy.members[2].upstream = "pg-2";
    auto& one = world.start("one");
    world.until_whole(one);
    const auto upstream = [&] { return world.agents["pg-3"].status().managed->upstream.value(); };
    world.until([&] { return upstream() == "host=pg-2"; });
    world.agents["pg-2"].die();
    world.until([&] { return upstream() == "host=pg-1"; });
    world.agents["pg-2"].come_back();
    world.until([&] { return upstream() == "host=pg-2"; });
    world.agents["pg-1"].die();
    world.until([&] { return world.agents.serving() == "pg-2" && upstream() == "host=pg-2"; });
}

TEST_CASE("of two controllers one leads; the other takes over, and the primary stays") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    auto& two = world.start("two");
    world.until([&] { return two.status().leader == "one" && two.status().primary == "pg-1"; });
    CHECK_FALSE(two.status().leads);
    CHECK(two.command({ControllerVerb::switchover, "", ""}).answer == Answer::refused);
    const auto end = [&one]() -> Task<bool> {
        co_await one.end();
        co_return true;
    };
    run(world.loop, end());
    world.until([&] { return two.status().leads && two.status().serving; });
    CHECK(two.status().term == 1);
    CHECK(world.agents.serving() == "pg-1");
}

TEST_CASE("a record that is away delays nothing while the primary is well, and a lost answer is found out") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.engine.lose_next_answer();
    const auto answer = one.command({ControllerVerb::switchover, "pg-2", ""});
    CHECK(answer.answer == Answer::under_way);
    world.until([&] { return world.agents.serving() == "pg-2"; });
    world.engine.go_away();
    world.until([&] { return !one.status().record_answers; });
    CHECK(world.agents.serving() == "pg-2");
    world.engine.go_away(false);
    world.until([&] { return one.status().record_answers && one.status().leads; });
    CHECK(world.engine.stored()->text.find("\"term\": 2") != std::string::npos);
}

TEST_CASE("who answers under a wrong name, of another cluster or unmanaged is not counted on") {
    InstanceStatus status;
    status.instance = "pg-1";
    status.cluster = "orders";
    status.managed.emplace();
    CHECK(controller::report_of(status, "orders", "pg-1"));
    CHECK_FALSE(controller::report_of(status, "orders", "pg-2"));
    CHECK_FALSE(controller::report_of(status, "invoices", "pg-1"));
    status.managed.reset();
    CHECK_FALSE(controller::report_of(status, "orders", "pg-1"));
}

TEST_CASE("a leader that ends grants nothing from then on, however long it takes to give the leadership up") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    world.engine.hold(FakeRecordEngine::Call::resign);
    bool ended = false;
    const auto end = [&]() -> Task<> {
        co_await one.end();
        ended = true;
    };
    spawn(world.loop, end());
    world.until([&] { return world.engine.held(); });

    auto& primary = world.agents["pg-1"];
    const int assigned = primary.assigned;
    const int asked = primary.asked;
    world.until([&] {
        primary.tell();
        return primary.asked > asked + 5;
    });

    CHECK(primary.assigned == assigned);
    CHECK_FALSE(one.status().leads);
    CHECK(one.command({ControllerVerb::pause, "", ""}).answer == Answer::refused);
    world.engine.let_go();
    world.until([&] { return ended; });
    CHECK_FALSE(world.engine.leader());
}

TEST_CASE(
    "a record that another has written while this one read it is not written over with what was made of the old one") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    auto record = controller::parse_record(world.engine.stored()->text).value();
    world.engine.hold(FakeRecordEngine::Call::read);
    world.engine.plant(world.engine.stored()->text);
    world.until([&] { return world.engine.held(); });
    CHECK(one.command({ControllerVerb::pause, "", ""}).answer == Answer::under_way);
    record = controller::change_primary(record, "pg-2", controller::Chosen::from_list, controller::DataLoss::refused);
    world.engine.plant(controller::to_text(record));
    world.engine.let_go();

    world.until([&] {
        const auto stored = controller::parse_record(world.engine.stored()->text);
        REQUIRE(stored);
        REQUIRE(stored->term >= 2);
        return world.agents[stored->primary].serves() && one.status().term == stored->term;
    });
}

TEST_CASE("a pod that was not there gets its label when it is, and one in the place of another gets it again") {
    World world;
    world.publication.absent = "pg-3";
    auto& one = world.start("one");
    world.until_whole(one);
    world.until([&] { return world.publication.asked_for_absent > 1; });
    CHECK_FALSE(world.publication.roles.contains("pg-3"));
    world.publication.absent.clear();
    world.until([&] { return world.publication.roles["pg-3"] == PublishedRole::standby; });

    world.agents["pg-3"].die();
    world.until([&] { return !one.status().instances[2].answers; });
    world.publication.roles.erase("pg-3");
    world.agents["pg-3"].come_back();
    world.until([&] { return world.publication.roles["pg-3"] == PublishedRole::standby; });
}

TEST_CASE("who came back after all others were lost for good is promoted when an operator vouches for that") {
    World world;
    for (const std::string gone : {"pg-3"}) {
        std::erase_if(world.policy.members, [&](const auto& it) { return it.peer.name == gone; });
        world.agents.agents.erase(gone);
    }
    auto& one = world.start("one");
    world.until([&] { return one.status().promotable == std::vector<std::string>{"pg-2"}; });
    world.agents["pg-1"].die();
    world.until(
        [&] { return world.agents.serving() == "pg-2" && one.status().serving && one.status().promotable.empty(); });
    world.agents["pg-2"].die();
    world.agents["pg-1"].come_back();
    world.until([&] { return one.status().instances[0].answers && !one.status().serving; });

    const auto ask = [&](const std::string& to, const std::string& lost) {
        return one.command({ControllerVerb::failover, to, "a test", "", lost});
    };
    const auto refusal = ask("pg-1", "");
    CHECK(refusal.answer == Answer::refused);
    CHECK(refusal.hint.find("failover --to pg-1 --lost pg-2") != std::string::npos);
    CHECK(ask("pg-1", "pg-9").answer == Answer::refused);
    CHECK(ask("pg-1", "pg-1").detail == "pg-1 is to take over, so it cannot be lost");
    CHECK(ask("pg-2", "pg-2").detail == "pg-2 is to take over, so it cannot be lost");  // and it does not answer
    CHECK(ask("pg-2", "pg-1").detail == "pg-1 answers, so it is not lost");
    CHECK(one.command({ControllerVerb::switchover, "pg-1", "", "", "pg-2"}).answer == Answer::refused);
    world.until([&] { return ask("pg-1", "pg-2").answer == Answer::under_way; });
    world.until([&] { return world.agents.serving() == "pg-1"; });
    CHECK(controller::parse_record(world.engine.stored()->text)->lost == std::vector<std::string>{"pg-2"});
    CHECK(one.status().term == 3);
}
