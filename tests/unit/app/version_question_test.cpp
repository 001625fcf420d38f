#include "app/version_question.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <csignal>
#include <optional>

#include "app/postgres_version.hpp"
#include "host/boot_clock.hpp"
#include "support/catch.hpp"
#include "support/fake_process_host.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using app::VersionQuestion;
using namespace std::chrono_literals;

namespace {

constexpr ExitStatus success{ExitStatus::How::exited, 0};
// Nothing but an answer ends it.
constexpr app::VersionPatience endless{24h, 24h, 1ms};

struct World {
    explicit World(app::VersionPatience patience) : question(loop, processes, clock, "/pg/bin/postgres", patience) {
        boost::asio::co_spawn(loop, question.ask(), [this](const std::exception_ptr& thrown, Result<int> it) {
            if (thrown) std::rethrow_exception(thrown);
            answer = std::move(it);
        });
    }
    void until(const std::function<bool()>& so) { test::run_until(loop, so); }
    // A child that was started says `line`, if anything, and ends.
    Result<int> ends(std::size_t index, const std::string& line, ExitStatus status) {
        until([&] { return processes.children.size() > index; });
        if (!line.empty()) processes.children[index].command.on_line(line);
        processes.end(index, status);
        until([&] { return answer.has_value(); });
        return *answer;
    }

    boost::asio::io_context loop;
    host::BootClock clock;
    test::FakeProcessHost processes;
    VersionQuestion question;
    std::optional<Result<int>> answer;
};

}  // namespace

TEST_CASE("the major version is in what postgres --version prints") {
    CHECK(app::parse_postgres_version("postgres (PostgreSQL) 17.2 (Debian 17.2-1)") == 17);
    CHECK(app::parse_postgres_version("postgres (PostgreSQL) 18beta1") == 18);
    for (const char* other :
         {"", "postgres 17.2", "postgres (PostgreSQL) ", "postgres (PostgreSQL) x17", "(PostgreSQL)17"}) {
        CAPTURE(other);
        CHECK_FALSE(app::parse_postgres_version(other));
    }
}

TEST_CASE("PostgreSQL's program is asked for its version, and answers") {
    World world(endless);

    CHECK(world.ends(0, "postgres (PostgreSQL) 17.2", success) == 17);

    const auto& command = world.processes.children[0].command;
    CHECK(command.program == "/pg/bin/postgres");
    CHECK(command.arguments == std::vector<std::string>{"--version"});
}

TEST_CASE("a program whose start was given up is started again") {
    World world(endless);
    int refused = 0;
    world.processes.refuse = [&](const Command&) -> Result<> {
        if (++refused > 3) return {};
        return fail(FaultKind::unavailable, "starting /pg/bin/postgres: no answer within one second");
    };

    CHECK(world.ends(0, "postgres (PostgreSQL) 16.1", success) == 16);

    CHECK(refused == 4);
}

TEST_CASE("a program that cannot be started in time is unavailable, and the last failure is told") {
    World world({.overall = 20ms, .between_lines = 10ms, .before_next_start = 1ms});
    world.processes.refuse = [](const Command&) { return fail(FaultKind::unavailable, "no process numbers"); };

    world.until([&] { return world.answer.has_value(); });

    REQUIRE_FALSE(*world.answer);
    CHECK(world.answer->error().kind == FaultKind::unavailable);
    CHECK(world.answer->error().what.find("no process numbers") != std::string::npos);
}

TEST_CASE("a program that does not answer in time is unavailable, and is killed") {
    World world({.overall = 20ms, .between_lines = 10ms, .before_next_start = 1ms});

    world.until([&] { return world.answer.has_value(); });

    REQUIRE_FALSE(*world.answer);
    CHECK(world.answer->error().kind == FaultKind::unavailable);
    CHECK(world.processes.children.at(0).signals == std::vector<int>{SIGKILL});
    // Its last words come too late, and hurt nobody.
    world.processes.children[0].command.on_line("postgres (PostgreSQL) 17.2");
    world.processes.end(0, {ExitStatus::How::killed, SIGKILL});
}

TEST_CASE("a program that is missing is told at once, with what to change") {
    boost::asio::io_context loop;
    const host::BootClock clock;
    test::FakeProcessHost processes;
    int asked = 0;
    processes.refuse = [&](const Command& command) {
        ++asked;
        return fail(FaultKind::not_found, "starting " + command.program + ": No such file or directory");
    };
    VersionQuestion question(loop, processes, clock, "/pg/bin/postgres", endless);

    const auto answer = test::run<Result<int>>(loop, question.ask());

    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == FaultKind::not_found);
    CHECK(answer.error().what.find("/pg/bin/postgres: No such file") != std::string::npos);
    CHECK(answer.error().hint.find("postgresql.bin_dir") != std::string::npos);
    CHECK(asked == 1);
}

TEST_CASE("what is no PostgreSQL that we know to run is refused, and quoted") {
    struct Row {
        const char* line;
        ExitStatus status;
        const char* said;
    };
    const auto [line, status, said] = GENERATE(values<Row>({
        {"postgres (PostgreSQL) 14.9", success, "PostgreSQL 14 is not supported"},
        {"echo (GNU coreutils) 9.1", success, "\"echo (GNU coreutils) 9.1\""},
        {"", success, "does not tell its version: exit status 0"},
        {"", {ExitStatus::How::exited, 127}, "exit status 127"},
        {"postgres (PostgreSQL) 17.2", {ExitStatus::How::killed, SIGSEGV}, "signal 11 (SEGV)"},
        {"error while loading shared libraries: libxml2.so", {ExitStatus::How::exited, 127}, "libxml2.so"},
    }));
    World world(endless);

    const auto answer = world.ends(0, line, status);

    CAPTURE(said);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().kind == FaultKind::refused);
    CHECK(answer.error().what.find(said) != std::string::npos);
}

TEST_CASE("a question that is given up ends soon, and kills the program") {
    SECTION("while the program runs") {
        World world(endless);
        world.until([&] { return world.processes.children.size() == 1; });
        CHECK(world.question.running());

        world.question.give_up();
        world.processes.end(0, {ExitStatus::How::killed, SIGKILL});

        world.until([&] { return world.answer.has_value(); });
        CHECK(world.processes.children[0].signals == std::vector<int>{SIGKILL});
        CHECK(world.answer->error().kind == FaultKind::cancelled);
    }
    SECTION("between two starts") {
        World world({.overall = 24h, .between_lines = 24h, .before_next_start = 24h});
        bool refused = false;
        world.processes.refuse = [&](const Command&) {
            refused = true;
            return fail(FaultKind::unavailable, "no answer within one second");
        };
        world.until([&] { return refused; });

        world.question.give_up();

        world.until([&] { return world.answer.has_value(); });
        CHECK(world.answer->error().kind == FaultKind::cancelled);
        CHECK(world.processes.children.empty());
    }
}
