// What include/pgbosun/process_host.hpp promises, asked of the real one and of the fake. What only a kernel can do
// (sessions, masks, orphans, pipes that a grandchild holds) is in tests/unit/host.

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <optional>

#include "host/child_processes.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/fake_process_host.hpp"
#include "support/pipe.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using pgbosun::test::Pipe;

namespace {

constexpr int orders = 9;  // the number of a real child's descriptor to read from

// Children are shells that do what they are told, one line after the other. They end with the world.
class Real {
public:
    Real() = default;
    Real(const Real&) = delete;
    Real& operator=(const Real&) = delete;
    // Children that end later would be orphans of the next world's host.
    ~Real() {
        pipes_.clear();
        while (::wait(nullptr) > 0) {
        }
    }
    ProcessHost& processes() { return processes_; }
    Command child() {
        pipes_.emplace_back();
        return {.program = "/bin/sh",
                .arguments = {"-c", "while read -r order <&" + std::to_string(orders) + "; do eval \"$order\"; done"},
                .environment = {"PATH=/usr/bin:/bin"},
                .descriptors = {{pipes_.back().reading.get(), orders}}};
    }
    Command server_in(const std::string& directory) {
        std::filesystem::copy_file("/bin/sh", directory_ / "postgres", std::filesystem::copy_options::skip_existing);
        std::filesystem::create_directory(directory_ / directory);
        Command command = child();
        command.program = directory_ / "postgres";
        command.working_directory = directory_ / directory;
        return command;
    }
    std::string path(const std::string& name) const { return directory_ / name; }
    Command missing_program() { return {.program = "/nonexistent/program"}; }

    // `child`: the number of the call of child() that made its command, from 0.
    void says(std::size_t child, const std::string& text) { writes(child, STDOUT_FILENO, text); }
    void writes(std::size_t child, int descriptor, const std::string& text) {
        std::string escaped;
        for (const char letter : text) letter == '\n' ? void(escaped += "\\n") : escaped.push_back(letter);
        tell(child, "printf %b '" + escaped + "' >&" + std::to_string(descriptor));
    }
    void ends(std::size_t child, ExitStatus status) {
        const auto code = std::to_string(status.code);
        tell(child, status.how == ExitStatus::How::exited ? "exit " + code : "kill -" + code + " $$");
    }
    template <class Done>
    void until(Done done) {
        test::run_until(loop_, done);
    }

private:
    void tell(std::size_t child, const std::string& order) {
        const std::string line = order + "\n";
        REQUIRE(::write(pipes_.at(child).writing.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    }

    test::TemporaryDirectory directory_;
    boost::asio::io_context loop_;
    host::ChildProcesses processes_{loop_};
    std::vector<Pipe> pipes_;
};

class Fake {
public:
    ProcessHost& processes() { return processes_; }
    Command child() { return {.program = "/bin/sh"}; }
    Command server_in(const std::string& directory) {
        return {.program = "/pg/bin/postgres", .working_directory = path(directory)};
    }
    std::string path(const std::string& name) const { return "/volume/" + name; }
    Command missing_program() {
        processes_.missing.insert("/nonexistent/program");
        return {.program = "/nonexistent/program"};
    }
    void says(std::size_t child, const std::string& text) { processes_.say(child, text); }
    void writes(std::size_t child, int descriptor, const std::string& text) {
        processes_.write_to(child, descriptor, text);
    }
    void ends(std::size_t child, ExitStatus status) { processes_.end(child, status); }
    template <class Done>
    void until(Done done) {
        for (int turn = 0; turn < 10 && !done(); ++turn) processes_.let_signals_end();
        REQUIRE(done());
    }

private:
    test::FakeProcessHost processes_;
};

// What was told of a child.
struct Told {
    std::vector<std::string> lines;
    std::vector<ExitStatus> ends;
    std::size_t lines_at_end = 0;

    void listen(Command& command) {
        command.on_line = [this](std::string_view line) { lines.emplace_back(line); };
        command.on_exit = [this](ExitStatus status) {
            lines_at_end = lines.size();
            ends.push_back(status);
        };
    }
};

constexpr ExitStatus exited(int code) { return {ExitStatus::How::exited, code}; }
constexpr ExitStatus killed(int number) { return {ExitStatus::How::killed, number}; }

// What can be read now; none: every writer has closed it.
std::optional<std::string> read_now(const Descriptor& from) {
    pollfd ready{from.get(), POLLIN, 0};
    if (::poll(&ready, 1, 0) == 0) return "";
    std::array<char, 100> block{};
    const ssize_t length = ::read(from.get(), block.data(), block.size());
    if (length <= 0) return std::nullopt;
    return std::string(block.data(), static_cast<std::size_t>(length));
}

}  // namespace

TEMPLATE_TEST_CASE("a child's lines arrive whole and in order, the last without a line feed too, then its end", "",
                   Real, Fake) {
    TestType world;
    Told told;
    Command command = world.child();
    told.listen(command);

    REQUIRE(world.processes().spawn(std::move(command)).has_value());
    CHECK(told.lines.empty());
    CHECK(told.ends.empty());
    world.says(0, "one\ntw");
    world.until([&] { return told.lines.size() == 1; });
    world.says(0, "o\n\nthree");
    world.ends(0, exited(0));
    world.until([&] { return !told.ends.empty(); });

    CHECK(told.lines == std::vector<std::string>{"one", "two", "", "three"});
    CHECK(told.lines_at_end == 4);
    CHECK(told.ends == std::vector{exited(0)});
}

TEMPLATE_TEST_CASE("a line longer than 64 KiB arrives in pieces", "", Real, Fake) {
    TestType world;
    Told told;
    Command command = world.child();
    told.listen(command);
    REQUIRE(world.processes().spawn(std::move(command)).has_value());

    world.says(0, std::string(100'000, 'x') + "\nend\n");
    world.until([&] { return !told.lines.empty() && told.lines.back() == "end"; });

    REQUIRE(told.lines.size() == 3);
    CHECK(told.lines[0].size() == 64 * 1024);
    CHECK(told.lines[0].size() + told.lines[1].size() == 100'000);
}

TEMPLATE_TEST_CASE("each child's end is told once, as it was, to whom started it", "", Real, Fake) {
    TestType world;
    std::array<Told, 3> told;
    for (auto& it : told) {
        Command command = world.child();
        it.listen(command);
        REQUIRE(world.processes().spawn(std::move(command)).has_value());
    }

    world.ends(2, killed(SIGKILL));
    world.ends(0, exited(0));
    world.ends(1, exited(3));
    world.until([&] { return std::ranges::all_of(told, [](const Told& it) { return !it.ends.empty(); }); });

    CHECK(told[0].ends == std::vector{exited(0)});
    CHECK(told[1].ends == std::vector{exited(3)});
    CHECK(told[2].ends == std::vector{killed(SIGKILL)});
    CHECK(world.processes().orphans_reaped() == 0);
}

TEMPLATE_TEST_CASE("a program that does not exist is refused, and nothing more is said of it", "", Real, Fake) {
    TestType world;
    Told told, other;
    Command missing = world.missing_program();
    told.listen(missing);

    const auto answer = world.processes().spawn(std::move(missing));

    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().kind == FaultKind::not_found);
    CHECK(answer.error().what.find("/nonexistent/program") != std::string::npos);
    Command command = world.child();
    other.listen(command);
    REQUIRE(world.processes().spawn(std::move(command)).has_value());
    world.ends(0, exited(0));
    world.until([&] { return !other.ends.empty(); });
    CHECK(told.ends.empty());
    CHECK(world.processes().orphans_reaped() == 0);
}

TEMPLATE_TEST_CASE("a signal ends a child, not inside of the call, and another one finds it gone", "", Real, Fake) {
    const int number = GENERATE(SIGTERM, SIGKILL);
    TestType world;
    Told told;
    Command command = world.child();
    told.listen(command);
    const auto process = world.processes().spawn(std::move(command)).value();

    CHECK(world.processes().signal(process, number).has_value());
    CHECK(told.ends.empty());
    world.until([&] { return !told.ends.empty(); });

    CHECK(told.ends == std::vector{killed(number)});
    CHECK(world.processes().signal(process, number).error().kind == FaultKind::not_found);
    CHECK(world.processes().signal(ProcessId{0x7FFFFFFF}, SIGTERM).error().kind == FaultKind::not_found);
}

TEMPLATE_TEST_CASE("when its end is told a child takes no signals any more, and the next may be started", "", Real,
                   Fake) {
    TestType world;
    std::optional<ProcessId> first;
    std::optional<FaultKind> signalled;
    Told second;
    Command next = world.child();
    second.listen(next);
    Command command = world.child();
    command.on_exit = [&](ExitStatus) {
        signalled = world.processes().signal(*first, SIGTERM).error().kind;
        REQUIRE(world.processes().spawn(next).has_value());
    };
    first = world.processes().spawn(std::move(command)).value();

    REQUIRE(world.processes().signal(*first, SIGKILL).has_value());
    world.until([&] { return signalled.has_value(); });

    CHECK(signalled == FaultKind::not_found);
    CHECK(second.ends.empty());
}

TEMPLATE_TEST_CASE("a child that nobody listens to may speak and end", "", Real, Fake) {
    TestType world;
    const auto process = world.processes().spawn(world.child()).value();

    world.says(0, "nobody hears this\n");
    world.ends(0, exited(1));

    world.until([&] { return !world.processes().signal(process, 0).has_value(); });
}

TEMPLATE_TEST_CASE("a child has the descriptors it was given until it ends, and the caller keeps its own", "", Real,
                   Fake) {
    TestType world;
    Pipe given;
    Told told;
    Command command = world.child();
    told.listen(command);
    command.descriptors.emplace_back(given.writing.get(), 5);
    REQUIRE(world.processes().spawn(std::move(command)).has_value());
    CHECK(::fcntl(given.writing.get(), F_GETFD) >= 0);
    given.writing.reset();

    world.writes(0, 5, "hello");
    std::string heard;
    world.until([&] {
        heard += read_now(given.reading).value_or("closed");
        return heard == "hello";
    });
    world.ends(0, exited(0));
    world.until([&] { return !told.ends.empty(); });

    CHECK_FALSE(read_now(given.reading).has_value());
    CHECK(told.lines.empty());
}

TEMPLATE_TEST_CASE("a descriptor that it was not given is not in a child", "", Real, Fake) {
    TestType world;
    Pipe other;
    REQUIRE(::fcntl(other.writing.get(), F_SETFD, 0) == 0);  // what an execve would hand on
    REQUIRE(world.processes().spawn(world.child()).has_value());

    other.writing.reset();

    CHECK_FALSE(read_now(other.reading).has_value());
}

TEMPLATE_TEST_CASE("strays are the servers of one directory, and each is killed", "", Real, Fake) {
    TestType world;
    std::array<Told, 3> told;
    const std::array<Command, 3> commands{world.server_in("pgdata"), world.server_in("other"), world.child()};
    for (std::size_t at = 0; at < told.size(); ++at) {
        Command command = commands[at];
        told[at].listen(command);
        REQUIRE(world.processes().spawn(std::move(command)).has_value());
    }

    CHECK(world.processes().kill_strays(world.path("pgdata")) == 1);
    world.until([&] { return !told[0].ends.empty(); });

    CHECK(world.processes().kill_strays(world.path("pgdata")) == 0);
    CHECK(told[0].ends == std::vector{killed(SIGKILL)});
    CHECK(told[1].ends.empty());
    CHECK(told[2].ends.empty());
}
