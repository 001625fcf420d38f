#include "backup/backup_lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using backup::BackupLock;

namespace {

std::string refusal(const Result<BackupLock>& taken) {
    REQUIRE_FALSE(taken);
    CHECK(taken.error().kind == FaultKind::conflict);
    return taken.error().what;
}

}  // namespace

TEST_CASE("one backup at a time: the second is told who has the lock and since when") {
    const test::TemporaryDirectory directory;
    auto first = BackupLock::take(directory.path());
    REQUIRE(first);
    const std::string us = ", process " + std::to_string(::getpid()) + ", since 20";

    CHECK(refusal(BackupLock::take(directory.path())).find("a backup" + us) != std::string::npos);

    first->say("backup 20261121T010000");
    CHECK(refusal(BackupLock::take(directory.path())).find(": backup 20261121T010000" + us) != std::string::npos);
    // What is shorter leaves nothing of what was longer.
    first->say("b");
    const auto shorter = refusal(BackupLock::take(directory.path()));
    CHECK(shorter.find(": b" + us) != std::string::npos);
    CHECK(shorter.ends_with("Z"));
}

TEST_CASE("the lock goes with its owner, and the file that stays hinders nobody") {
    const test::TemporaryDirectory directory;
    {
        const auto first = BackupLock::take(directory.path());
        REQUIRE(first);
    }

    CHECK(std::filesystem::exists(directory / "backup.lock"));
    CHECK(BackupLock::take(directory.path()).has_value());
}

TEST_CASE("the lock of a process that was killed is free") {
    const test::TemporaryDirectory directory;
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto lock = BackupLock::take(directory.path());
        const char answer = lock ? 'y' : 'n';
        if (::write(pipe[1], &answer, 1) != 1) ::_exit(1);
        for (;;) ::pause();
    }
    char answer = 0;
    const bool told = ::read(pipe[0], &answer, 1) == 1;
    const auto meanwhile = BackupLock::take(directory.path());

    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    ::close(pipe[0]);
    ::close(pipe[1]);

    REQUIRE(told);
    CHECK(answer == 'y');
    CHECK(refusal(meanwhile).find("process " + std::to_string(child)) != std::string::npos);
    CHECK(BackupLock::take(directory.path()).has_value());
}

TEST_CASE("a lock that cannot be made is unavailable, and a link is not followed") {
    const test::TemporaryDirectory directory;

    const auto nowhere = BackupLock::take(directory / "missing");
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().kind == FaultKind::unavailable);
    CHECK_FALSE(nowhere.error().hint.empty());

    std::ofstream(directory / "precious") << "precious";
    std::filesystem::create_symlink(directory / "precious", directory / "backup.lock");
    const auto through_link = BackupLock::take(directory.path());
    REQUIRE_FALSE(through_link);
    CHECK(through_link.error().kind == FaultKind::unavailable);
    CHECK(std::filesystem::file_size(directory / "precious") == 8);
}
