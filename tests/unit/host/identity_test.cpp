#include "host/identity.hpp"

#include <fcntl.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>

#include "host/child_processes.hpp"
#include "host/volume_lock.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using host::VolumeLock;

namespace {

// The exit status of `body` in a process of its own.
int in_a_child(std::function<int()> body) {
    boost::asio::io_context loop;
    host::ChildProcesses processes(loop);
    std::optional<ExitStatus> ended;
    host::ForkedChild child{.name = "identity"};
    child.body = std::move(body);
    child.on_exit = [&](ExitStatus status) { ended = status; };
    REQUIRE(processes.fork_child(std::move(child)).has_value());
    test::run_until(loop, [&] { return ended.has_value(); });
    return ended->code;
}

}  // namespace

TEST_CASE("the boot id is one for this run") {
    CHECK(host::boot_id().size() == 32);
    CHECK(host::boot_id().find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(host::boot_id() == host::boot_id());
}

TEST_CASE("root becomes another user for good") {
    if (host::effective_user() != 0) {
        std::puts("SKIPPED: only root can become somebody else");
        return;
    }

    CHECK(in_a_child([] {
              if (!host::become_user("nobody") || host::effective_user() == 0 || !host::user_has_name()) return 1;
              // What is below /proc/self is still ours.
              return ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC) >= 0 && ::seteuid(0) != 0 ? 0 : 2;
          }) == 0);
    CHECK(in_a_child([] { return host::become_user("no-such-user").error().kind == FaultKind::refused ? 0 : 1; }) == 0);
    CHECK(in_a_child([] { return host::become_user("root").error().kind == FaultKind::refused ? 0 : 1; }) == 0);
}

TEST_CASE("a volume is locked once, and the second is told by whom") {
    test::TemporaryDirectory directory;
    {
        const auto lock = VolumeLock::take(directory / "lock");
        REQUIRE(lock.has_value());

        const auto second = VolumeLock::take(directory / "lock");

        CHECK(second.error().kind == FaultKind::conflict);
        CHECK(second.error().what.find("pid " + std::to_string(::getpid())) != std::string::npos);
        CHECK(second.error().what.find(host::boot_id()) != std::string::npos);
        CHECK(in_a_child([&] { return VolumeLock::take(directory / "lock") ? 1 : 0; }) == 0);
    }
    CHECK(VolumeLock::take(directory / "lock").has_value());
}

TEST_CASE("a lock ends with the process that held it, and its text is replaced") {
    test::TemporaryDirectory directory;
    std::ofstream(directory / "lock") << std::string(1000, 'x');

    CHECK(in_a_child([&] { return VolumeLock::take(directory / "lock") ? 0 : 1; }) == 0);

    CHECK(VolumeLock::take(directory / "lock").has_value());
    CHECK(VolumeLock::take(directory / "none/lock").error().kind == FaultKind::not_found);
}
