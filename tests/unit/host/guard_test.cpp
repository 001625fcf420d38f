#include "host/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <optional>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_processes.hpp"
#include "support/catch.hpp"
#include "support/pipe.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using pgbosun::test::Pipe;
using namespace std::chrono_literals;
using host::ChildProcesses;
using host::ForkedChild;
using host::Guard;

namespace {

const std::string no_directory = "/nowhere/pgdata";

// A server that does not heed SIGQUIT, nor do its three children. All of them hold `life`; it says 'u' when all are up.
int stubborn_server(int life) {
    std::signal(SIGQUIT, SIG_IGN);
    for (int child = 0; child < 3; ++child) {
        if (::fork() == 0) {
            ::setsid();
            while (true) ::pause();
        }
    }
    if (::write(life, "u", 1) != 1) return 1;
    while (true) ::pause();
}

ForkedChild server(const Pipe& life) {
    ForkedChild child{.name = "postmaster"};
    child.body = [end = life.writing.get()] { return stubborn_server(end); };
    child.keep = {life.writing.get()};
    return child;
}

void await_server(const Pipe& life) {
    char letter = 0;
    REQUIRE(::read(life.reading.get(), &letter, 1) == 1);
}

// A process that plays PID 1: it starts a guard and a server and gives the right to write for `valid`.
pid_t play_pid_1(Pipe& life, Duration valid, Duration grace = {}) {
    Pipe ready;
    const pid_t player = ::fork();
    if (player != 0) {
        life.writing.reset();
        ready.writing.reset();
        char letter = 0;
        REQUIRE(::read(ready.reading.get(), &letter, 1) == 1);
        await_server(life);
        return player;
    }
    boost::asio::io_context loop;
    ChildProcesses processes(loop);
    auto guard = Guard::start(processes, no_directory, [] { ::_exit(3); });
    auto postmaster = processes.fork_child(server(life));
    life.writing.reset();
    life.reading.reset();
    if (!guard || !postmaster || !(*guard)->watch(*postmaster)) ::_exit(2);
    (*guard)->set_grace(grace);
    (*guard)->renew(host::boot_now() + valid);
    if (::write(ready.writing.get(), "r", 1) != 1) ::_exit(2);
    while (true) loop.run_one();
}

void end(pid_t player) {
    ::kill(player, SIGKILL);
    REQUIRE(::waitpid(player, nullptr, 0) == player);
}

struct World {
    boost::asio::io_context loop;
    ChildProcesses processes{loop};
    bool guard_died = false;
    std::unique_ptr<Guard> guard = start_guard(no_directory);
    Pipe life;
    std::optional<ExitStatus> ended;

    std::unique_ptr<Guard> start_guard(const std::string& data_directory) {
        return Guard::start(processes, data_directory, [this] { guard_died = true; }).value();
    }
    ProcessId start() {
        auto child = server(life);
        child.on_exit = [this](ExitStatus status) { ended = status; };
        const auto postmaster = processes.fork_child(std::move(child)).value();
        life.writing.reset();
        REQUIRE(guard->watch(postmaster).has_value());
        await_server(life);
        return postmaster;
    }
    void pass(Duration time) {
        host::BootTimer timer(loop);
        test::run(loop, timer.wait_until(host::boot_now() + time));
    }
};

}  // namespace

TEST_CASE("when PID 1 is killed, the guard kills a server that does not heed SIGQUIT, with its children") {
    Pipe life;
    const pid_t player = play_pid_1(life, 1h);

    end(player);

    char letter = 0;
    CHECK(::read(life.reading.get(), &letter, 1) == 0);
}

TEST_CASE("when PID 1 is stopped, the guard kills the server once its right to write has run out") {
    Pipe life;
    const pid_t player = play_pid_1(life, 300ms);
    const Duration grace = GENERATE(Duration(0), Duration(100ms));
    CAPTURE(grace.count());

    ::kill(player, SIGSTOP);

    char letter = 0;
    CHECK(::read(life.reading.get(), &letter, 1) == 0);
    end(player);
}

TEST_CASE("a right that is renewed in time keeps the server, one that is not renewed ends it") {
    World world;
    world.start();

    world.guard->renew(host::boot_now() + 50ms);
    world.guard->renew(host::boot_now() + 1h);
    world.pass(100ms);
    CHECK_FALSE(world.ended);

    world.guard->renew(host::boot_now() - 1s);
    test::run_until(world.loop, [&] { return world.ended.has_value() && world.life.ended(); });
    CHECK(*world.ended == ExitStatus{ExitStatus::How::killed, SIGKILL});
    CHECK_FALSE(world.guard_died);
}

TEST_CASE("a standalone instance that renews within the grace lives on") {
    World world;
    world.start();
    world.guard->set_grace(200ms);

    world.guard->renew(host::boot_now() - 1s);
    world.pass(20ms);
    world.guard->renew(host::boot_now() + 1h);
    world.pass(300ms);
    CHECK_FALSE(world.ended);

    world.guard->renew(host::boot_now() - 1s);
    test::run_until(world.loop, [&] { return world.ended.has_value() && world.life.ended(); });
}

TEST_CASE("a server that is not watched any more is left alone, the next one is killed when it comes too late") {
    World world;
    const auto first = world.start();

    world.guard->unwatch();
    world.guard->renew(host::boot_now() - 1s);
    world.pass(50ms);
    CHECK_FALSE(world.ended);

    REQUIRE(world.guard->watch(first).has_value());
    test::run_until(world.loop, [&] { return world.ended.has_value() && world.life.ended(); });
}

TEST_CASE("the guard kills what is left of a postgres whose postmaster has died") {
    World world;
    test::TemporaryDirectory directory;
    world.guard = world.start_guard(directory.path());
    std::filesystem::copy_file("/bin/sleep", directory / "postgres");
    std::optional<ExitStatus> postmaster_ended, backend_ended;
    const auto start = [&](std::optional<ExitStatus>& ended) {
        Command command{
            .program = directory / "postgres", .arguments = {"1000"}, .working_directory = directory.path()};
        command.on_exit = [&ended](ExitStatus status) { ended = status; };
        return world.processes.spawn(std::move(command)).value();
    };
    const auto postmaster = start(postmaster_ended);
    start(backend_ended);
    REQUIRE(world.guard->watch(postmaster).has_value());
    world.guard->renew(host::boot_now() + 1h);

    REQUIRE(world.processes.signal(postmaster, SIGKILL).has_value());
    test::run_until(world.loop, [&] { return postmaster_ended.has_value(); });
    CHECK_FALSE(backend_ended);
    world.guard->renew(host::boot_now() - 1s);

    test::run_until(world.loop, [&] { return backend_ended.has_value(); });
    CHECK(backend_ended->code == SIGKILL);
}

TEST_CASE(
    "when PID 1 has died before it gave a postgres to the guard, the guard kills what runs in the data directory if it "
    "was told to expect it") {
    World world;
    test::TemporaryDirectory directory;
    world.guard = world.start_guard(directory.path());
    std::filesystem::copy_file("/bin/sleep", directory / "postgres");
    std::optional<ExitStatus> ended;
    Command command{.program = directory / "postgres", .arguments = {"1000"}, .working_directory = directory.path()};
    command.on_exit = [&ended](ExitStatus status) { ended = status; };
    const bool expected = GENERATE(true, false);
    CAPTURE(expected);
    if (expected) world.guard->expect();
    const auto process = world.processes.spawn(std::move(command)).value();

    world.guard.reset();

    if (expected) {
        test::run_until(world.loop, [&] { return ended.has_value(); });
        CHECK(ended->code == SIGKILL);
    } else {
        world.pass(200ms);
        CHECK_FALSE(ended);  // it is somebody else's
        REQUIRE(world.processes.signal(process, SIGKILL).has_value());
        test::run_until(world.loop, [&] { return ended.has_value(); });
    }
}

TEST_CASE("PID 1 is told when the guard dies") {
    World world;

    REQUIRE(world.processes.signal(world.guard->process(), SIGKILL).has_value());

    test::run_until(world.loop, [&] { return world.guard_died; });
    CHECK_FALSE(world.guard->watch(ProcessId{::getpid()}).has_value());
}

TEST_CASE("the guard does not heed the signals that are sent to everybody") {
    World world;
    world.start();  // the guard has taken an order

    for (const int signal : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) {
        REQUIRE(world.processes.signal(world.guard->process(), signal).has_value());
    }
    world.pass(50ms);

    CHECK_FALSE(world.guard_died);
    world.guard.reset();
    test::run_until(world.loop, [&] { return world.ended.has_value() && world.life.ended(); });
}
