#include "host/child_processes.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <optional>

#include "host/stray_processes.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using host::ChildProcesses;
using host::ForkedChild;
using host::OutputFlow;

namespace {

struct World {
    boost::asio::io_context loop;
    ChildProcesses processes{loop};

    // Runs a script to its end; answers what it said.
    std::vector<std::string> run(Command command) {
        std::vector<std::string> lines;
        std::optional<ExitStatus> ended;
        command.on_line = [&](std::string_view line) { lines.emplace_back(line); };
        command.on_exit = [&](ExitStatus how) { ended = how; };
        REQUIRE(processes.spawn(std::move(command)).has_value());
        test::run_until(loop, [&] { return ended.has_value(); });
        status = *ended;
        return lines;
    }
    ExitStatus status;
};

Command script(std::string text) {
    return {.program = "/bin/sh", .arguments = {"-c", std::move(text)}, .environment = {"PATH=/usr/bin:/bin"}};
}

}  // namespace

TEST_CASE("an exit status can be told to a person") {
    CHECK(to_string(ExitStatus{ExitStatus::How::exited, 1}) == "exit status 1");
    CHECK(to_string(ExitStatus{ExitStatus::How::killed, 9}) == "signal 9 (KILL)");
    CHECK(to_string(ExitStatus{ExitStatus::How::killed, 200}) == "signal 200");
}

TEST_CASE("the end of a child is told as it was") {
    World world;

    world.run(script("exit 3"));
    CHECK(world.status == ExitStatus{ExitStatus::How::exited, 3});
    world.run(script("kill -9 $$"));
    CHECK(world.status == ExitStatus{ExitStatus::How::killed, SIGKILL});
    world.run(script("true"));
    CHECK(world.status.success());
    CHECK(world.processes.orphans_reaped() == 0);
}

TEST_CASE("a child's lines arrive whole and all, also the last without a line feed") {
    World world;

    const auto lines = world.run(script("echo one; echo two >&2; echo; printf three"));

    CHECK(lines == std::vector<std::string>{"one", "two", "", "three"});
}

TEST_CASE("a program that cannot be executed is reported by spawn") {
    World world;

    const auto missing = world.processes.spawn({.program = "/nonexistent/postgres"});
    CHECK(missing.error().kind == FaultKind::not_found);
    CHECK(missing.error().what.find("/nonexistent/postgres") != std::string::npos);
    const auto forbidden = world.processes.spawn({.program = "/etc/passwd"});
    CHECK(forbidden.error().kind == FaultKind::refused);
    const auto nowhere = world.processes.spawn({.program = "/bin/true", .working_directory = "/nonexistent"});
    CHECK(nowhere.error().kind == FaultKind::not_found);
    CHECK(nowhere.error().what.find("entering /nonexistent") != std::string::npos);

    // Children that failed to start are no orphans.
    world.run(script("true"));
    CHECK(world.processes.orphans_reaped() == 0);
}

TEST_CASE("a program on a file system that hangs holds nobody up, and says later why it could not be executed") {
    const test::TemporaryDirectory directory;
    // A file system in user space that never answers.
    Descriptor silent(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
    const std::string options = "fd=" + std::to_string(silent.get()) + ",rootmode=40000,user_id=0,group_id=0";
    const auto mount = [&] { return ::mount("silent", directory.path().c_str(), "fuse", MS_NOSUID, options.c_str()); };
    if (!silent || mount() != 0) {
        // A line that tests/summary.py counts.
        std::puts("SKIPPED: no file system in user space can be mounted here (root and /dev/fuse are needed)");
        return;
    }
    World world;
    std::vector<std::string> lines;
    std::optional<ExitStatus> ended;
    bool late = false;
    const auto before = std::chrono::steady_clock::now();

    const auto process = world.processes.spawn({.program = directory / "postgres",
                                                .on_line = [&](std::string_view line) { lines.emplace_back(line); },
                                                .on_exit = [&](ExitStatus how) { ended = how; },
                                                .on_late = [&] { late = true; }});

    REQUIRE(process.has_value());
    CHECK(late);
    // Far below the second for which an execve had held all else.
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(900));
    world.run(script("true"));
    CHECK_FALSE(ended.has_value());
    silent.reset();  // whoever waits for it fails now
    test::run_until(world.loop, [&] { return ended.has_value(); });
    CHECK(ended == ExitStatus{ExitStatus::How::exited, 127});
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("starting " + (directory / "postgres")) == 0);
    CHECK(::umount2(directory.path().c_str(), MNT_DETACH) == 0);
    CHECK(world.processes.orphans_reaped() == 0);
}

TEST_CASE("a child inherits nothing but what it is given") {
    World world;
    ::setenv("PGBOSUN_TEST_SECRET", "x", 1);
    const int left_open = ::open("/dev/zero", O_RDONLY);
    const Descriptor given(::open("/dev/null", O_RDONLY | O_CLOEXEC));

    auto command = script(
        "umask; env | grep -c SECRET; readlink /proc/$$/fd/0; ls /proc/$$/fd | tr '\\n' ' '; echo; "
        "ps -o sid= -p $$ | grep -qw $$ && echo leader; grep SigBlk /proc/self/status; grep SigIgn /proc/self/status; "
        "pwd");
    command.descriptors = {{given.get(), 7}};
    command.working_directory = "/usr";
    const auto lines = world.run(std::move(command));
    ::close(left_open);

    REQUIRE(lines.size() == 8);
    CHECK(lines[0] == "0077");
    CHECK(lines[1] == "0");
    CHECK(lines[2] == "/dev/null");
    CHECK(lines[3] == "0 1 2 7 ");
    CHECK(lines[4] == "leader");
    CHECK(lines[5] == "SigBlk:\t0000000000000000");
    CHECK(lines[6] == "SigIgn:\t0000000000000000");
    CHECK(lines[7] == "/usr");
}

TEST_CASE("descriptors may trade places") {
    World world;
    test::TemporaryDirectory directory;
    const Descriptor one(::open((directory / "one").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const Descriptor two(::open((directory / "two").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));

    auto command =
        script("readlink /proc/$$/fd/" + std::to_string(one.get()) + " /proc/$$/fd/" + std::to_string(two.get()));
    command.descriptors = {{one.get(), two.get()}, {two.get(), one.get()}};
    const auto lines = world.run(std::move(command));

    CHECK(lines == std::vector<std::string>{directory / "two", directory / "one"});
}

TEST_CASE("a child's oom_score_adj is raised over ours") {
    World world;
    auto command = script("cat /proc/self/oom_score_adj");
    const auto ours = std::stoi(world.run(command).at(0));

    command.oom_score_raise = 200;

    CHECK(std::stoi(world.run(command).at(0)) == std::min(ours + 200, 1000));
}

TEST_CASE("a line longer than 64 KiB arrives in pieces") {
    World world;

    const auto lines = world.run(script("head -c 150000 /dev/zero | tr '\\0' x; echo; echo end"));

    REQUIRE(lines.size() == 4);
    CHECK(lines[0].size() == 65536);
    CHECK(lines[0].size() + lines[1].size() + lines[2].size() == 150000);
    CHECK(lines[3] == "end");
}

TEST_CASE("a signal reaches a child until it has been reaped, and no other process after") {
    World world;
    std::optional<ExitStatus> ended;
    auto command = script("exec sleep 1000");
    command.on_exit = [&](ExitStatus status) { ended = status; };
    const auto process = world.processes.spawn(std::move(command)).value();

    CHECK(world.processes.signal(process, SIGTERM).has_value());
    test::run_until(world.loop, [&] { return ended.has_value(); });

    CHECK(*ended == ExitStatus{ExitStatus::How::killed, SIGTERM});
    CHECK(world.processes.signal(process, SIGTERM).error().kind == FaultKind::not_found);
}

TEST_CASE("a grandchild that keeps the pipe open does not keep the end from being told") {
    World world;

    const auto lines = world.run(script("sleep 1000 & echo $!; exit 4"));

    CHECK(world.status == ExitStatus{ExitStatus::How::exited, 4});
    REQUIRE(lines.size() == 1);
    ::kill(std::stoi(lines[0]), SIGKILL);
    test::run_until(world.loop, [&] { return world.processes.orphans_reaped() == 1; });
}

TEST_CASE("while output is held nothing is read, and nothing is lost when the child ends") {
    World world;
    std::vector<std::string> lines;
    std::optional<ExitStatus> ended;
    world.processes.set_output(OutputFlow::held);
    auto command = script("echo one; read wait < /proc/self/fd/7; echo two");
    std::array<int, 2> gate{};
    REQUIRE(::pipe2(gate.data(), O_CLOEXEC) == 0);
    const Descriptor reading(gate[0]), writing(gate[1]);
    command.descriptors = {{gate[0], 7}};
    command.on_line = [&](std::string_view line) { lines.emplace_back(line); };
    command.on_exit = [&](ExitStatus status) { ended = status; };
    REQUIRE(world.processes.spawn(std::move(command)).has_value());

    SECTION("held to the end") {
        REQUIRE(::write(writing.get(), "\n", 1) == 1);
        test::run_until(world.loop, [&] { return ended.has_value(); });
    }
    SECTION("read again in time") {
        for (int turn = 0; turn < 5; ++turn) world.loop.run_one_for(std::chrono::milliseconds(1));
        CHECK(lines.empty());
        world.processes.set_output(OutputFlow::read);
        test::run_until(world.loop, [&] { return lines.size() == 1; });
        REQUIRE(::write(writing.get(), "\n", 1) == 1);
        test::run_until(world.loop, [&] { return ended.has_value(); });
    }

    CHECK(lines == std::vector<std::string>{"one", "two"});
}

TEST_CASE("on_exit may start the next process") {
    World world;
    std::optional<ExitStatus> second;
    auto command = script("exit 1");
    command.on_exit = [&](ExitStatus) {
        auto next = script("exit 2");
        next.on_exit = [&](ExitStatus status) { second = status; };
        REQUIRE(world.processes.spawn(std::move(next)).has_value());
    };
    REQUIRE(world.processes.spawn(std::move(command)).has_value());

    test::run_until(world.loop, [&] { return second.has_value(); });

    CHECK(second->code == 2);
}

TEST_CASE("a forked child runs its body with what it was given, and nothing else") {
    World world;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const Descriptor reading(pipe[0]), writing(pipe[1]);
    const Descriptor other(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    std::optional<ExitStatus> ended;

    ForkedChild child{.name = "test-child"};
    child.body = [kept = pipe[1], closed = other.get()] {
        const bool gone = ::fcntl(closed, F_GETFD) < 0 && errno == EBADF;
        return ::write(kept, "x", 1) == 1 && gone && ::getsid(0) == ::getpid() ? 42 : 1;
    };
    child.keep = {pipe[1]};
    child.on_exit = [&](ExitStatus status) { ended = status; };
    REQUIRE(world.processes.fork_child(std::move(child)).has_value());
    test::run_until(world.loop, [&] { return ended.has_value(); });

    CHECK(*ended == ExitStatus{ExitStatus::How::exited, 42});
    char letter = 0;
    CHECK(::read(reading.get(), &letter, 1) == 1);
}

TEST_CASE("ten thousand double-forked orphans leave no zombie, and each is counted") {
    World world;
    std::optional<ExitStatus> ended;
    // `( ... & )`: the subshell forks once more and ends; what it forked becomes ours.
    auto command = script(
        "i=0; while [ $i -lt 9900 ]; do case $((i % 3)) in 0) (exit 2 &);; 1) (exit 255 &);; 2) (: &);; esac; "
        "i=$((i+1)); done; i=0; while [ $i -lt 100 ]; do (sh -c 'kill -9 $$' &); i=$((i+1)); done");
    command.on_exit = [&](ExitStatus status) { ended = status; };
    REQUIRE(world.processes.spawn(std::move(command)).has_value());

    test::run_until(world.loop, [&] { return ended && world.processes.orphans_reaped() >= 10000; });

    CHECK(ended->success());
    CHECK(world.processes.orphans_reaped() == 10000);
    siginfo_t info{};
    ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    CHECK(info.si_pid == 0);  // nothing waits to be reaped
}

TEST_CASE("strays are killed by name and directory, and nobody else is") {
    World world;
    test::TemporaryDirectory directory;
    std::filesystem::create_directory(directory / "pgdata");
    std::filesystem::create_directory(directory / "pgdata/sub");
    std::map<std::string, std::optional<ExitStatus>> ended;
    std::map<std::string, ProcessId> processes;
    const auto start = [&](const std::string& who, const std::string& program, const std::string& where) {
        std::filesystem::copy_file("/bin/sleep", directory / program, std::filesystem::copy_options::skip_existing);
        Command command{.program = directory / program, .arguments = {"1000"}, .working_directory = directory / where};
        command.on_exit = [&ended, who](ExitStatus status) { ended[who] = status; };
        processes[who] = world.processes.spawn(std::move(command)).value();
    };
    start("stray", "postgres", "pgdata");
    start("second stray", "postgres", "pgdata");
    start("other directory", "postgres", "pgdata/sub");
    start("parent directory", "postgres", ".");
    start("other name", "postgresql", "pgdata");
    start("longer name", "mypostgres", "pgdata");

    CHECK(world.processes.kill_strays(directory / "pgdata") == 2);
    test::run_until(world.loop, [&] { return ended["stray"] && ended["second stray"]; });
    CHECK(world.processes.kill_strays(directory / "pgdata") == 0);
    CHECK(world.processes.kill_strays("") == 0);

    CHECK(*ended["stray"] == ExitStatus{ExitStatus::How::killed, SIGKILL});
    for (const auto* who : {"other directory", "parent directory", "other name", "longer name"}) {
        CAPTURE(who);
        CHECK_FALSE(ended[who].has_value());
        REQUIRE(world.processes.signal(processes[who], SIGTERM).has_value());
        test::run_until(world.loop, [&] { return ended[who].has_value(); });
        CHECK(ended[who]->code == SIGTERM);
    }
}
