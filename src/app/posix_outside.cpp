#include "app/posix_outside.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t most_names = 1000;

std::unexpected<Fault> system_fault(const std::string& path) {
    const int number = errno;
    const auto kind = number == ENOENT || number == ENOTDIR ? FaultKind::not_found : FaultKind::refused;
    return fail(kind, path + ": " + std::strerror(number));
}

FileType type_of(mode_t mode) {
    if (S_ISREG(mode)) return FileType::regular;
    if (S_ISDIR(mode)) return FileType::directory;
    return FileType::other;
}

}  // namespace

Result<std::string> PosixOutside::read(const std::string& path, std::size_t limit) const {
    // O_NONBLOCK: a FIFO in the file's place must not stop us.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return system_fault(path);
    struct stat facts{};
    if (::fstat(file.get(), &facts) != 0) return system_fault(path);
    if (!S_ISREG(facts.st_mode)) return fail(FaultKind::refused, path + ": is not a regular file");
    std::string content;
    std::array<char, 16 * 1024> piece{};
    for (;;) {
        const auto got = ::read(file.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_fault(path);
        if (got == 0) return content;
        content.append(piece.data(), static_cast<std::size_t>(got));
        if (content.size() > limit) {
            return fail(FaultKind::refused, path + ": is larger than " + std::to_string(limit) + " bytes");
        }
    }
}

std::optional<PathFacts> PosixOutside::inspect(const std::string& path) const {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
    return PathFacts{type_of(facts.st_mode), facts.st_mode & 07777};
}

bool PosixOutside::may(Permission permission, const std::string& path) const {
    const int mode = permission == Permission::read ? R_OK : permission == Permission::write ? W_OK : X_OK;
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0;
}

std::vector<std::string> PosixOutside::list(const std::string& directory) const {
    const auto close = [](DIR* stream) { ::closedir(stream); };
    const std::unique_ptr<DIR, decltype(close)> stream(::opendir(directory.c_str()), close);
    std::vector<std::string> names;
    if (!stream) return names;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (names.size() == most_names) break;
        names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

EnvironmentView process_environment() {
    EnvironmentView view;
    view.variable = [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    std::array<char, HOST_NAME_MAX + 1> hostname{};
    if (::gethostname(hostname.data(), hostname.size() - 1) == 0) view.hostname = hostname.data();
    std::array<char, PATH_MAX> directory{};
    if (::getcwd(directory.data(), directory.size()) != nullptr) view.working_directory = directory.data();
    view.output = ::isatty(STDOUT_FILENO) == 1 ? StandardOutput::terminal : StandardOutput::stream;
    view.started_as = ::geteuid() == 0 ? StartedAs::root : StartedAs::ordinary_user;
    return view;
}

}  // namespace pgbosun::app
