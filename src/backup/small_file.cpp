#include "backup/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_readings = 20;
constexpr std::size_t piece_bytes = std::size_t{64} << 10;

std::unexpected<Fault> cannot(const char* verb, const std::string& path) {
    const int error = errno;
    const auto kind = error == ENOENT   ? FaultKind::not_found
                      : error == EACCES ? FaultKind::refused
                                        : FaultKind::unavailable;
    return fail(kind, std::string("cannot ") + verb + " " + path + ": " + std::strerror(error));
}

}  // namespace

Result<SmallFile> read_small_file(const std::string& file, const std::string& path_in_tar) {
    const Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!opened) return cannot("open", file);
    struct stat facts{};
    if (::fstat(opened.get(), &facts) != 0) return cannot("inspect", file);
    if (!S_ISREG(facts.st_mode)) return fail(FaultKind::refused, file + " is not a regular file");
    SmallFile read{.path = path_in_tar,
                   .content = {},
                   .mode = static_cast<std::uint16_t>(facts.st_mode & 0777),
                   .modified = facts.st_mtim.tv_sec};
    std::string piece(piece_bytes, '\0');
    for (;;) {
        const auto count = ::read(opened.get(), piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return cannot("read", file);
        if (count == 0) return read;
        read.content.append(piece, 0, static_cast<std::size_t>(count));
        if (read.content.size() > longest_small_file) return fail(FaultKind::refused, file + " is too long");
    }
}

Result<SmallFile> read_control_file(const std::string& data_directory) {
    const std::string file = data_directory + "/global/pg_control";
    auto last = read_small_file(file, "global/pg_control");
    for (int reading = 1; last && reading < most_readings; ++reading) {
        auto again = read_small_file(file, "global/pg_control");
        if (again && again->content == last->content) return again;
        last = std::move(again);
    }
    if (!last) return last;
    return fail(FaultKind::unavailable, file + " is written all the time");
}

}  // namespace pgbosun::backup
