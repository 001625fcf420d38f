// The worker processes that touch volumes for PID 1, when they hang or die.

#include <csignal>
#include <filesystem>
#include <fstream>

#include "host/boot_clock.hpp"
#include "host/boot_timer.hpp"
#include "host/child_processes.hpp"
#include "host/file_wire.hpp"
#include "host/stray_processes.hpp"
#include "host/volume_watch.hpp"
#include "host/worker_file_system.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace std::chrono_literals;

namespace {

struct Search {
    std::string name;
    std::vector<pid_t> found;
};

// Our living children that ps shows under this name.
std::vector<pid_t> children_called(const std::string& name) {
    Search search{name, {}};
    host::for_each_process(
        [](pid_t process, void* context) {
            auto& wanted = *static_cast<Search*>(context);
            const auto facts = host::process_facts(process);
            std::string shown;
            std::getline(std::ifstream("/proc/" + std::to_string(process) + "/comm"), shown);
            if (!facts.dead && facts.parent == ::getpid() && shown == wanted.name) wanted.found.push_back(process);
        },
        &search);
    return search.found;
}

struct World {
    boost::asio::io_context loop;
    host::ChildProcesses processes{loop};
    test::TemporaryDirectory directory;
};

}  // namespace

TEST_CASE("a worker that hangs is given up in time, and the next call has another") {
    World world;
    host::WorkerFileSystem files(world.loop, world.processes, 200ms);
    REQUIRE(test::run(world.loop, files.write_durably(world.directory / "a", "x")).has_value());
    const auto worker = children_called("pgbosun-files");
    REQUIRE(worker.size() == 1);

    ::kill(worker[0], SIGSTOP);
    const auto hung = test::run(world.loop, files.read(world.directory / "a", 10));

    CHECK(hung.error().kind == FaultKind::unavailable);
    CHECK(hung.error().what.find(world.directory / "a") != std::string::npos);
    CHECK(test::run(world.loop, files.read(world.directory / "a", 10)).value() == "x");
    CHECK(children_called("pgbosun-files") != worker);
}

TEST_CASE("a worker that dies under a call fails it, one that died before is replaced unseen") {
    World world;
    host::WorkerFileSystem files(world.loop, world.processes);
    REQUIRE(test::run(world.loop, files.write_durably(world.directory / "a", "x")).has_value());
    const auto worker = children_called("pgbosun-files").at(0);

    SECTION("before") {
        ::kill(worker, SIGKILL);
        test::run_until(world.loop, [&] { return ::kill(worker, 0) != 0; });
        CHECK(test::run(world.loop, files.read(world.directory / "a", 10)).has_value());
    }
    SECTION("under a call") {
        ::kill(worker, SIGSTOP);
        host::BootTimer timer(world.loop);
        timer.arm(host::boot_now() + 20ms, [&] { ::kill(worker, SIGKILL); });
        CHECK(test::run(world.loop, files.read(world.directory / "a", 10)).error().kind == FaultKind::unavailable);
        CHECK(test::run(world.loop, files.read(world.directory / "a", 10)).has_value());
    }
}

TEST_CASE("16 MiB are written and read back, and one byte more is refused") {
    World world;
    host::WorkerFileSystem files(world.loop, world.processes, 1min);
    const std::string largest(16 * 1024 * 1024, 'x');

    CHECK(test::run(world.loop, files.write_durably(world.directory / "a", largest)).has_value());
    CHECK(test::run(world.loop, files.read(world.directory / "a", SIZE_MAX)).value() == largest);
    CHECK(test::run(world.loop, files.write_durably(world.directory / "a", largest + "x")).error().kind ==
          FaultKind::refused);
}

TEST_CASE("what a crash left beside a file does not stop the next write, and links are not followed by a removal") {
    World world;
    host::WorkerFileSystem files(world.loop, world.processes);
    std::ofstream(world.directory / "a.pgbosun-new") << "torn";
    std::filesystem::create_directory(world.directory / "kept");
    std::ofstream(world.directory / "kept/file") << "x";
    std::filesystem::create_directory(world.directory / "tree");
    std::filesystem::create_directory_symlink(world.directory / "kept", world.directory / "tree/link");

    CHECK(test::run(world.loop, files.write_durably(world.directory / "a", "whole")).has_value());
    CHECK(test::run(world.loop, files.remove_tree(world.directory / "tree")).has_value());

    CHECK(test::run(world.loop, files.read(world.directory / "a", 10)).value() == "whole");
    CHECK(std::filesystem::exists(world.directory / "kept/file"));
    CHECK_FALSE(std::filesystem::exists(world.directory / "a.pgbosun-new"));
}

TEST_CASE("a message between PID 1 and its file worker reads back, and a torn one does not") {
    const host::FileRequest request{host::FileVerb::change_mode, "/a", "second", 0640};
    const std::string message = host::encode(request);

    const auto read = host::decode_request(message);
    REQUIRE(read.has_value());
    CHECK(read->path == "/a");
    CHECK(read->second == "second");
    CHECK(read->number == 0640);
    for (std::size_t length = 0; length < message.size(); ++length) {
        CHECK_FALSE(host::decode_request(message.substr(0, length)).has_value());
    }
    CHECK_FALSE(host::decode_request(message + "x").has_value());
    const auto answer =
        host::decode_answer(host::encode(Result<std::string>(fail(FaultKind::conflict, "what", "hint"))));
    CHECK(answer.error().kind == FaultKind::conflict);
    CHECK(answer.error().text() == "what (hint: hint)");
    CHECK_FALSE(host::decode_answer("").has_value());
}

TEST_CASE("a volume that works is seen to, with its room") {
    World world;
    host::VolumeWatch watch(world.loop, world.processes, world.directory.path(), 5s);

    test::run_until(world.loop, [&] { return watch.read(host::boot_now()).checked_at.has_value(); });

    const auto reading = watch.read(host::boot_now());
    CHECK_FALSE(reading.error);
    CHECK_FALSE(reading.hangs_since);
    CHECK(reading.total_bytes > reading.available_bytes);
    CHECK(reading.last_write > Duration(0));
    CHECK(std::filesystem::file_size(world.directory / host::VolumeWatch::file_name) == 4096);
}

TEST_CASE("a volume that fails says so with the system's words") {
    World world;
    host::VolumeWatch watch(world.loop, world.processes, world.directory / "none", 5s);

    test::run_until(world.loop, [&] { return watch.read(host::boot_now()).error.has_value(); });

    CHECK(watch.read(host::boot_now()).error->find("No such file or directory") != std::string::npos);
}

TEST_CASE("a check that was killed is reported and begun anew") {
    World world;
    host::VolumeWatch watch(world.loop, world.processes, world.directory.path(), 5s);
    test::run_until(world.loop, [&] { return watch.read(host::boot_now()).checked_at.has_value(); });
    ::kill(children_called("pgbosun-volume").at(0), SIGKILL);

    test::run_until(world.loop, [&] { return watch.read(host::boot_now()).error.has_value(); });
    CHECK(watch.read(host::boot_now()).error->find("KILL") != std::string::npos);

    test::run_until(world.loop, [&] { return !watch.read(host::boot_now()).error; });
}
