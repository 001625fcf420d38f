#include "host/identity.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <utility>

#include "host/system_fault.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host {
namespace {

std::string random_id() {
    std::array<std::uint8_t, 16> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

// A process that can get its privilege back has not given it up.
bool has_become(uid_t user, gid_t group) {
    uid_t real = 0, effective = 0, saved = 0;
    gid_t real_group = 0, effective_group = 0, saved_group = 0;
    ::getresuid(&real, &effective, &saved);
    ::getresgid(&real_group, &effective_group, &saved_group);
    if (real != user || effective != user || saved != user) return false;
    if (real_group != group || effective_group != group || saved_group != group) return false;
    return user == 0 || (::setuid(0) != 0 && ::seteuid(0) != 0);
}

}  // namespace

const std::string& boot_id() {
    static const std::string id = random_id();
    return id;
}

bool is_pid_1() { return ::getpid() == 1; }

uid_t effective_user() { return ::geteuid(); }

bool user_has_name() { return ::getpwuid(::geteuid()) != nullptr; }

Result<> become_user(const std::string& name) {
    errno = 0;
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) {
        return fail(FaultKind::refused, "there is no user " + name, "run_as names a user of /etc/passwd");
    }
    const uid_t user = entry->pw_uid;
    const gid_t group = entry->pw_gid;
    const std::string home = entry->pw_dir;
    if (user == 0) return fail(FaultKind::refused, "run_as must not be root", "PostgreSQL refuses to run as root");
    if (::initgroups(name.c_str(), group) != 0 || ::setgid(group) != 0 || ::setuid(user) != 0) {
        return system_failure(errno, "becoming the user " + name);
    }
    if (!has_become(user, group)) {
        return fail(FaultKind::refused, "becoming the user " + name + ": the privilege did not go",
                    "remove CAP_SETUID and its like from the ambient capabilities of the container");
    }
    // libpq looks for certificates at home, and takes one that it may not read for a failure of TLS.
    ::setenv("HOME", home.c_str(), 1);
    // setuid made /proc/self root's: without this our children could not raise their own oom_score_adj.
    ::prctl(PR_SET_DUMPABLE, 1);
    return {};
}

bool kernel_is_at_least(int major, int minor) {
    utsname names{};
    if (::uname(&names) != 0) return false;
    const std::string_view release = names.release;  // "6.1.0-18-amd64"
    int has_major = 0, has_minor = 0;
    const auto first = std::from_chars(release.data(), release.data() + release.size(), has_major);
    if (first.ec != std::errc{} || first.ptr == release.data() + release.size() || *first.ptr != '.') return false;
    std::from_chars(first.ptr + 1, release.data() + release.size(), has_minor);
    return std::pair(has_major, has_minor) >= std::pair(major, minor);
}

int oom_score_adjustment() {
    const Descriptor file(::open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC));
    std::array<char, 16> text{};
    const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : 0;
    int score = 0;
    if (length > 0) std::from_chars(text.data(), text.data() + length, score);
    return score;
}

}  // namespace pgbosun::host
