#include "backup/drill_scratch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "backup/linked_tablespaces.hpp"

namespace pgbosun::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::array made_by_drills{"pgdata", "tablespaces", "s"};
constexpr std::string_view lock_name = "lock";
constexpr std::size_t longest_socket_name = 16;  // "/.s.PGSQL.5432" and its lock

}  // namespace

Result<DrillScratch> DrillScratch::take(const std::string& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (!error) fs::permissions(directory, fs::perms::owner_all, error);
    if (error)
        return fail(FaultKind::refused, "cannot make " + directory + ": " + error.message(), "set drill.directory");
    if (directory.size() + 2 + longest_socket_name >= sizeof(sockaddr_un::sun_path)) {
        return fail(FaultKind::refused, directory + " is too long for a socket in it", "set drill.directory");
    }
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (name == lock_name || name == "lost+found" ||
            std::ranges::find(made_by_drills, name) != made_by_drills.end()) {
            continue;
        }
        return fail(FaultKind::refused, directory + " holds " + name + ", which no drill put there",
                    "set drill.directory to a directory of its own");
    }
    const std::string lock = directory + "/" + std::string(lock_name);
    Descriptor opened(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!opened) return fail(FaultKind::unavailable, "cannot open " + lock + ": " + std::strerror(errno));
    if (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
        return fail(FaultKind::conflict, "another drill runs in " + directory, "wait for its end");
    }
    DrillScratch scratch(directory, std::move(opened));
    scratch.clear();
    fs::create_directory(scratch.socket_directory(), error);
    fs::permissions(scratch.socket_directory(), fs::perms::owner_all, error);
    if (error)
        return fail(FaultKind::unavailable, "cannot make " + scratch.socket_directory() + ": " + error.message());
    return scratch;
}

DrillScratch::~DrillScratch() {
    if (lock_) clear();
}

// What cannot be removed now is removed by the next drill.
void DrillScratch::clear() const {
    std::error_code ignored;
    for (const char* name : made_by_drills) fs::remove_all(directory_ + "/" + name, ignored);
}

Room DrillScratch::room() const {
    struct statvfs facts{};
    if (::statvfs(directory_.c_str(), &facts) != 0) return {};
    return {facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize};
}

std::uint64_t DrillScratch::used() const {
    constexpr std::uint64_t block = 512;  // of st_blocks
    std::uint64_t bytes = 0;
    std::error_code error;
    // Files come and go beneath: what is not there any more takes nothing.
    fs::recursive_directory_iterator entry(directory_, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        struct stat facts{};
        if (::lstat(entry->path().c_str(), &facts) == 0) bytes += static_cast<std::uint64_t>(facts.st_blocks) * block;
    }
    return bytes;
}

Result<> DrillScratch::allow(std::uint64_t most, std::uint64_t needed) {
    const auto now = room();
    allowed_ = drill_allowance(now, most);
    return check_drill_room(now, most, needed, data_directory());
}

Result<> DrillScratch::check_growth() const {
    constexpr std::uint64_t part_left = 50;  // one in so many bytes
    const auto now = room();
    if (now.free < now.total / part_left) {
        return fail(FaultKind::refused, "the file system of the drill gets full", "set drill.directory to another one");
    }
    const auto bytes = used();
    if (bytes <= allowed_) return {};
    return fail(FaultKind::refused,
                "the drill takes " + std::to_string(bytes >> 20) + " MB in " + directory_ + " and may use " +
                    std::to_string(allowed_ >> 20) + " MB",
                "make room, set drill.directory to a larger file system, or raise drill.max_bytes");
}

// Of an instance that replays behind its primary, the live directory does not say yet what recovery will meet.
Result<> DrillScratch::check_tablespaces() const {
    const auto linked = linked_tablespaces(data_directory());
    if (!linked) return std::unexpected(linked.error());
    for (const auto& [oid, place] : *linked) {
        if (place.starts_with(tablespaces() + "/")) continue;
        return fail(FaultKind::refused,
                    "recovery made the tablespace in " + place + ", which is outside of " + directory_,
                    "take a backup: one that has the tablespace can be drilled; look at what recovery has left there");
    }
    return {};
}

RestorePlaces DrillScratch::places(const BackupInfo& info) const {
    RestorePlaces places{data_directory(), {}, {}};
    for (const auto& tablespace : info.tablespaces) {
        places.tablespaces[tablespace.oid] = tablespaces() + "/" + std::to_string(tablespace.oid);
    }
    return places;
}

}  // namespace pgbosun::backup
