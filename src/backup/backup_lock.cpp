#include "backup/backup_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <tuple>

#include "pgbosun/time.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t longest_text = 256;  // bytes

std::string lock_path(const std::string& state_directory) { return state_directory + "/backup.lock"; }

std::string holder_of(int file) {
    std::array<char, longest_text> text{};
    const auto count = ::pread(file, text.data(), text.size(), 0);
    return count > 0 ? std::string(text.data(), static_cast<std::size_t>(count)) : "another process";
}

}  // namespace

Result<BackupLock> BackupLock::take(const std::string& state_directory) {
    const std::string path = lock_path(state_directory);
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600));
    if (!file) {
        return fail(FaultKind::unavailable, "cannot open " + path + ": " + std::strerror(errno),
                    "run it where the instance runs, as its user");
    }
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail(FaultKind::unavailable, "cannot lock " + path + ": " + std::strerror(errno));
        return fail(FaultKind::conflict, "a backup is being taken already: " + holder_of(file.get()),
                    "wait for its end, or cancel it with SIGTERM");
    }
    BackupLock lock(std::move(file));
    lock.say("a backup");
    return lock;
}

bool BackupLock::is_free(const std::string& state_directory) {
    const Descriptor file(::open(lock_path(state_directory).c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW));
    return file && ::flock(file.get(), LOCK_SH | LOCK_NB) == 0;
}

void BackupLock::say(const std::string& what) const {
    const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto text =
        (what + ", process " + std::to_string(::getpid()) + ", since " + to_iso8601(now)).substr(0, longest_text);
    // Only for people.
    std::ignore = ::ftruncate(file_.get(), 0);
    std::ignore = ::pwrite(file_.get(), text.data(), text.size(), 0);
}

}  // namespace pgbosun::backup
