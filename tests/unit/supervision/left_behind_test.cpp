#include "supervision/left_behind.hpp"

#include <csignal>

#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/supervision/outside.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

const Words first_try{"left-behind", "--primary-timeline", "2", "--report", "json"};

// A former primary; the child's lines are "done" and "failed".
struct Former : test::Outside {
    Former() {
        settings.volume = "/volume";
        settings.archive.emplace();
        outside.archiver.command = [](Words arguments) {
            Command command;
            command.program = "/usr/bin/pgbosun-archiver";
            command.arguments = std::move(arguments);
            return command;
        };
        outside.archiver.parse_line = [](std::string_view line) -> Result<JobLine> {
            if (line == "step") return JobProgress{};
            return JobResult{.done = line == "done", .id = {}, .detail = "so it was", .hint = "look"};
        };
        mark("000000010000000000000002.ready");
    }
    void mark(const std::string& name) { files.add_file("/volume/pgdata/pg_wal/archive_status/" + name, ""); }
    void begin() {
        boost::asio::co_spawn(loop, left.archive(settings, Timeline{2}, [this] { ++begun; }),
                              [this](std::exception_ptr, Left where) {
                                  over = true;
                                  remains = where;
                              });
    }
    void until(const std::function<bool()>& so) { test::run_until(loop, so); }
    void end(std::size_t child, int code) { processes.end(child, {ExitStatus::How::exited, code}); }

    bool over = false;
    std::optional<Left> remains;
    int begun = 0;
    Words recorded;
    LeftBehind left{outside, [this](std::string what, auto) { recorded.push_back(std::move(what)); }, {10ms, 3}};
};

}  // namespace

TEST_CASE("what waits to be archived is given to a child, and the rejoin goes on when that has ended") {
    Former it;

    it.begin();
    it.until([&] { return it.processes.children.size() == 1; });
    CHECK(it.processes.children[0].command.arguments == first_try);
    CHECK(it.begun == 1);
    CHECK_FALSE(it.over);
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until([&] { return it.over; });

    CHECK(it.recorded == Words{"WAL that only this instance had to archive is archived"});
    CHECK(it.remains == Left::elsewhere);
    CHECK(it.processes.children.size() == 1);
}

TEST_CASE("where nothing waits no child is started") {
    Former it;
    it.files.nodes.erase("/volume/pgdata/pg_wal/archive_status/000000010000000000000002.ready");
    it.mark("000000010000000000000001.done");

    it.begin();
    it.until([&] { return it.over; });

    CHECK(it.processes.children.empty());
    CHECK(it.begun == 0);
}

TEST_CASE("without an archive no child is started") {
    Former it;
    it.settings.archive.reset();

    it.begin();
    it.until([&] { return it.over; });

    CHECK(it.processes.children.empty());
}

TEST_CASE("a disk that does not tell what waits holds the rejoin up no longer than it takes to say so") {
    Former it;
    it.files.fault = [](std::string_view, const std::string&) {
        return std::optional(Fault{FaultKind::unavailable, "the disk does not answer", ""});
    };

    it.begin();
    it.until([&] { return it.over; });

    CHECK(it.processes.children.empty());
}

TEST_CASE("what could not be archived is recorded, and the rejoin goes on") {
    Former it;
    // The archiver's program ends with 1 when it could keep all of it aside.
    const int code = GENERATE(1, 3);

    it.begin();
    it.until([&] { return it.processes.children.size() == 1; });
    it.processes.say(0, "failed\n");
    it.end(0, code);
    it.until([&] { return it.over; });

    CHECK(it.recorded == Words{"WAL that only this instance has is not in the archive: so it was"});
    CHECK(it.remains == (code == 1 ? Left::elsewhere : Left::only_here));
    CHECK(it.processes.children.size() == 1);
}

TEST_CASE("a child that hangs in the store is killed, and another one keeps all of it aside") {
    Former it;

    it.begin();
    it.until([&] { return !it.processes.children.empty() && !it.processes.children[0].signals.empty(); });
    CHECK(it.processes.children[0].signals.front() == SIGKILL);
    it.processes.let_signals_end();
    it.until([&] { return it.processes.children.size() == 2; });
    Words second = first_try;
    second.emplace_back("--keep-only");
    CHECK(it.processes.children[1].command.arguments == second);
    it.processes.say(1, "failed\n");
    it.end(1, 1);
    it.until([&] { return it.over; });

    CHECK(it.recorded.size() == 1);
}

TEST_CASE("a child that even SIGKILL does not end holds the rejoin up no longer") {
    Former it;

    it.begin();
    it.until([&] { return it.over; });

    CHECK(it.processes.children.size() == 2);
    CHECK(it.recorded == Words{"WAL that only this instance has is not in the archive: its program does not end"});
}

TEST_CASE("a rejoin that is cancelled ends the child and starts no other") {
    Former it;

    it.begin();
    it.until([&] { return it.processes.children.size() == 1; });
    it.left.cancel(false);
    CHECK(it.processes.children[0].signals == std::vector{SIGTERM});
    it.processes.let_signals_end();
    it.until([&] { return it.over; });

    CHECK(it.processes.children.size() == 1);
    CHECK(it.recorded.empty());
}
