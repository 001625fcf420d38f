// What becomes of a switchover between the answer to who asked for it and its end.
#include <algorithm>

#include "support/run.hpp"
#include "world.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

Answer ask(Controller& controller, ControllerVerb verb, const std::string& to) {
    return controller.command({verb, to, "a test"}).answer;
}

// One from pg-1, whose checkpoint is being written.
struct UnderWay {
    World world;
    Controller& one = world.start("one");
    FakeAgent& primary = world.agents["pg-1"];

    explicit UnderWay(const std::string& to) {
        world.until_whole(one);
        begin(primary, to);
    }
    void begin(FakeAgent& from, const std::string& to) {
        from.slow_checkpoint = true;
        CHECK(ask(one, ControllerVerb::switchover, to) == Answer::under_way);
        world.until([&] { return from.checkpoints == 1; });
        CHECK(one.status().wanted == to);
    }
    void end_checkpoint(FakeAgent& of) {
        of.slow_checkpoint = false;
        of.tell();
        world.until([&] { return of.checkpoints_ended == 1; });
    }
    // What was to happen has had its time.
    void look_on(const FakeAgent& at) {
        const int asked = at.asked;
        world.until([&] { return at.asked > asked + 5; });
    }
    void until_it_serves(const std::string& name) {
        world.until([&] { return world.agents.serving() == name && one.status().wanted.empty(); });
    }
};

}  // namespace

TEST_CASE("a switchover goes to whom it should, after a checkpoint") {
    World world;
    auto& one = world.start("one");
    world.until_whole(one);
    CHECK(ask(one, ControllerVerb::switchover, "pg-3") == Answer::under_way);
    world.until([&] { return world.agents.serving() == "pg-3"; });
    CHECK(world.agents["pg-1"].checkpoints == 1);
    world.until([&] { return one.status().wanted.empty(); });
    CHECK(one.status().primary == "pg-3");
}

TEST_CASE("a switchover whose checkpoint does not succeed changes nothing, says so, and may be asked for again") {
    UnderWay it("pg-3");
    it.primary.failing_checkpoint = true;
    it.end_checkpoint(it.primary);
    it.world.until([&] { return it.one.status().wanted.empty(); });
    it.look_on(it.primary);
    CHECK(it.world.agents.serving() == "pg-1");
    CHECK(it.one.status().changes == 1);
    CHECK(std::ranges::any_of(logged(), [](const std::string& line) {
        return line.starts_with("the switchover is not begun, for its checkpoint did not succeed: ");
    }));

    it.primary.failing_checkpoint = false;
    CHECK(ask(it.one, ControllerVerb::switchover, "pg-3") == Answer::under_way);
    it.until_it_serves("pg-3");
}

TEST_CASE("while a switchover is under way no other one begins, and the same one is not begun twice") {
    UnderWay it("pg-2");
    const auto other = it.one.command({ControllerVerb::switchover, "pg-3", "a test"});
    CHECK(other.answer == Answer::refused);
    CHECK(other.detail == "a switchover from pg-1 to pg-2 is under way");
    CHECK(other.hint.starts_with("wait for its end"));
    CHECK(ask(it.one, ControllerVerb::switchover, "pg-2") == Answer::under_way);
    CHECK(ask(it.one, ControllerVerb::switchover, "") == Answer::under_way);
    it.end_checkpoint(it.primary);

    it.until_it_serves("pg-2");
    CHECK(it.one.status().term == 2);
    CHECK(it.primary.checkpoints == 1);
}

TEST_CASE("a failover by force takes the place of a switchover that has not begun") {
    UnderWay it("pg-2");
    CHECK(ask(it.one, ControllerVerb::failover, "pg-3") == Answer::under_way);
    CHECK(it.one.status().wanted == "pg-3");
    CHECK(has_logged("a failover takes the place of the switchover"));
    it.until_it_serves("pg-3");
    it.world.until_whole(it.one);

    // What the checkpoint was for is over.
    it.end_checkpoint(it.primary);
    it.look_on(it.world.agents["pg-3"]);
    CHECK(it.one.status().term == 2);
    CHECK(it.one.status().wanted.empty());
}

TEST_CASE("a switchover whose checkpoint ends while the record is read anew is carried out all the same") {
    UnderWay it("pg-2");
    it.world.engine.hold(FakeRecordEngine::Call::read);
    it.world.engine.lose_next_answer();
    it.world.until([&] { return ask(it.one, ControllerVerb::pause, "") == Answer::under_way; });
    it.world.until([&] { return it.world.engine.held(); });

    it.end_checkpoint(it.primary);
    const int asked = it.primary.asked;
    it.world.until([&] { return it.primary.asked > asked + 1; });
    CHECK(it.one.status().wanted == "pg-2");
    it.world.engine.let_go();

    it.until_it_serves("pg-2");
}

TEST_CASE("a switchover that another change of primary has overtaken is given up, and status shows it no more") {
    UnderWay it("pg-3");
    it.primary.die();
    it.until_it_serves("pg-2");
    CHECK(has_logged("the switchover is given up: another one is the primary now"));
    it.primary.slow_checkpoint = false;
    it.primary.come_back();
    it.world.until_whole(it.one);
    CHECK(it.one.status().term == 2);
    CHECK(it.one.status().wanted.empty());
    CHECK(it.world.agents.serving() == "pg-2");
}

TEST_CASE(
    "a checkpoint for a switchover that was given up is not taken for that of the next one to the same instance") {
    UnderWay it("pg-3");
    it.primary.die();
    it.until_it_serves("pg-2");
    it.primary.come_back();
    it.world.until_whole(it.one);
    auto& next = it.world.agents["pg-2"];
    it.begin(next, "pg-3");

    it.primary.failing_checkpoint = GENERATE(true, false);
    it.end_checkpoint(it.primary);
    it.look_on(next);
    CHECK(it.one.status().wanted == "pg-3");
    CHECK(it.world.agents.serving() == "pg-2");
    it.end_checkpoint(next);
    it.until_it_serves("pg-3");
}

TEST_CASE("a switchover that ends with the leadership is told, and the next leader does not know of it") {
    UnderWay it("pg-2");
    it.world.end(it.one);
    CHECK(has_logged("the switchover is given up: the controller that was asked for it leads no longer"));
    CHECK(it.one.status().wanted.empty());
    auto& two = it.world.start("two");
    it.world.until([&] { return two.status().leads && two.status().serving; });
    CHECK(two.status().wanted.empty());
    it.world.until([&] { return ask(two, ControllerVerb::switchover, "pg-3") == Answer::under_way; });
    it.world.until([&] { return it.primary.checkpoints == 2; });
    it.primary.slow_checkpoint = false;
    it.primary.tell();
    it.world.until([&] { return it.world.agents.serving() == "pg-3"; });
}
