#include "host/volume_lock.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>

#include "host/identity.hpp"
#include "host/system_fault.hpp"

namespace pgbosun::host {
namespace {

// Of the open file, not of the process (fcntl(2), OFD locks): closing another descriptor does not lose it. Unlike flock
// it works between the clients of an NFS server.
bool lock(int file) {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    return ::fcntl(file, F_OFD_SETLK, &whole) == 0;
}

std::string holder(int file) {
    std::array<char, 256> text{};
    const ssize_t length = ::pread(file, text.data(), text.size(), 0);
    std::string said;
    for (ssize_t i = 0; i < length; ++i) {
        const char letter = text[static_cast<std::size_t>(i)];
        if (letter == '\n') break;
        if (letter >= ' ' && letter < 127) said += letter;
    }
    return said.empty() ? "it has not said who it is" : said;
}

std::string name_of(pid_t process) {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return "pid " + std::to_string(process) + ", host " + host.data() + ", boot id " + boot_id() + "\n";
}

}  // namespace

Result<VolumeLock> VolumeLock::take(const std::string& path, pid_t process) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_failure(errno, "locking " + path);
    if (!lock(file.get())) {
        if (errno != EAGAIN && errno != EACCES) return system_failure(errno, "locking " + path);
        return fail(FaultKind::conflict, "another pgbosun holds " + path + ": " + holder(file.get()),
                    "stop it first: one volume belongs to one instance");
    }
    const std::string name = name_of(process);
    // Only a help for people: the lock holds without it, on a full disk too.
    if (::ftruncate(file.get(), 0) == 0) {
        [[maybe_unused]] const auto written = ::pwrite(file.get(), name.data(), name.size(), 0);
    }
    return VolumeLock(std::move(file));
}

}  // namespace pgbosun::host
