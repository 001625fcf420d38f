#include "backup/restore_target.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace pgbosun::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_marker = std::size_t{1} << 20;
constexpr std::string_view backup_word = "backup ";
constexpr std::string_view tablespace_word = "tablespace ";
constexpr std::string_view wal_word = "wal ";

// PostgreSQL expects these to be there; a tar may leave empty directories out.
constexpr std::array wanted_directories{"base",
                                        "global",
                                        "pg_commit_ts",
                                        "pg_dynshmem",
                                        "pg_logical",
                                        "pg_logical/mappings",
                                        "pg_logical/snapshots",
                                        "pg_multixact",
                                        "pg_multixact/members",
                                        "pg_multixact/offsets",
                                        "pg_notify",
                                        "pg_replslot",
                                        "pg_serial",
                                        "pg_snapshots",
                                        "pg_stat",
                                        "pg_stat_tmp",
                                        "pg_subtrans",
                                        "pg_tblspc",
                                        "pg_twophase",
                                        "pg_xact"};

std::unexpected<Fault> cannot(std::string_view verb, const std::string& path) {
    const std::string what = "cannot " + std::string(verb) + " " + path + ": " + std::strerror(errno);
    switch (errno) {
        case ENOSPC:
        case EDQUOT: return fail(FaultKind::refused, what, "make room on the file system, then begin again");
        // What does not pass by itself is not tried again and again, as an archive that is away is.
        case EACCES:
        case EPERM:
        case EROFS:
        case EEXIST:
        case ENOTEMPTY:
        case ENOTDIR:
        case ELOOP:
        case ENAMETOOLONG:
            return fail(FaultKind::refused, what, "look at the owner, the mode and the content of the directory");
        case EIO: return fail(FaultKind::refused, what, "the kernel's log says what is wrong with the disk");
        default: return fail(FaultKind::unavailable, what);
    }
}

Result<> done_or(int result, std::string_view verb, const std::string& path) {
    if (result == 0) return {};
    return cannot(verb, path);
}

bool lies_in(const std::string& path, const std::string& directory) {
    return path == directory || path.starts_with(directory.ends_with('/') ? directory : directory + "/");
}

bool belongs(std::string_view name, std::optional<std::uint32_t> tablespace) {
    return tablespace && name == "lost+found";
}

// Links are removed, not followed.
Result<> remove_below(const std::string& directory, std::string_view prefix, std::string_view but) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with(prefix) || name == but) continue;
        fs::remove_all(entry.path(), error);
        if (error) break;
    }
    if (!error || error == std::errc::no_such_file_or_directory) return {};
    return fail(FaultKind::unavailable, "cannot remove what is in " + directory + ": " + error.message());
}

// What PostgreSQL, and a restore, puts there.
Result<> empty_tablespace(const std::string& place) {
    auto removed = remove_below(place, "PG_", "");
    return removed ? remove_below(place, staging_directory, "") : removed;
}

// Makes renames and removals in it durable.
Result<> sync_directory(int directory, const std::string& name) { return done_or(::fsync(directory), "sync", name); }

// Where the marker says that a restore has written.
Result<> remove_named(std::string_view marker) {
    while (!marker.empty()) {
        const auto line = marker.substr(0, marker.find('\n'));
        marker.remove_prefix(std::min(line.size() + 1, marker.size()));
        Result<> removed;
        if (line.starts_with(tablespace_word)) {
            removed = empty_tablespace(std::string(line.substr(tablespace_word.size())));
        } else if (line.starts_with(wal_word)) {
            removed = remove_below(std::string(line.substr(wal_word.size())), "", "");
        }
        if (!removed) return removed;
    }
    return {};
}

// Where the links in `directory` lead.
Result<> remove_linked(const std::string& directory) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        if (!entry.is_symlink(error)) continue;  // in place, and goes with the directory
        const auto place = fs::read_symlink(entry.path(), error);
        if (error) break;
        if (auto removed = empty_tablespace(place.string()); !removed) return removed;
    }
    if (!error || error == std::errc::no_such_file_or_directory) return {};
    return fail(FaultKind::unavailable, "cannot read " + directory + ": " + error.message());
}

}  // namespace

Result<std::string> read_file_at(int directory, const std::string& name, std::size_t limit) {
    const Descriptor file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file && errno == ENOENT) return fail(FaultKind::not_found, "there is no " + name);
    if (!file) return cannot("open", name);
    std::string text;
    std::array<char, 65536> piece{};
    for (;;) {
        const auto count = ::read(file.get(), piece.data(), piece.size());
        if (count < 0) return cannot("read", name);
        if (count == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(count));
        if (text.size() > limit) return fail(FaultKind::refused, name + " is too long");
    }
}

Result<> write_file_at(int directory, const std::string& name, std::string_view text) {
    const Descriptor file(
        ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return cannot("create", name);
    while (!text.empty()) {
        const auto count = ::write(file.get(), text.data(), text.size());
        if (count < 0) return cannot("write", name);
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return done_or(::fsync(file.get()), "sync", name);
}

Result<RestorePlaces> places_of(const BackupInfo& info, const std::string& target,
                                const std::map<std::string, std::string>& moved) {
    RestorePlaces places{target, {}, {}};
    std::set<std::string> used, named;
    for (const auto& tablespace : info.tablespaces) {
        std::string place = tablespace.location;
        int by = 0;
        for (const auto& name : std::set{tablespace.name, std::to_string(tablespace.oid)}) {
            const auto found = moved.find(name);
            if (found == moved.end()) continue;
            place = found->second;
            by += 1;
            named.insert(name);
        }
        if (by > 1) {
            return fail(FaultKind::refused, "tablespace " + tablespace.name + " is moved by its name and by its oid",
                        "give it one place");
        }
        if (!place.starts_with('/') || place.find('\n') != std::string::npos) {
            return fail(FaultKind::refused, "tablespace " + tablespace.name + " cannot go to \"" + place + "\"",
                        "give an absolute path");
        }
        while (place.size() > 1 && place.ends_with('/')) place.pop_back();
        if (lies_in(place, target) || lies_in(target, place)) {
            return fail(FaultKind::refused,
                        std::string("tablespace ")
                            .append(tablespace.name)
                            .append(" would go to ")
                            .append(place)
                            .append(", which overlaps ")
                            .append(target),
                        "give it a directory of its own");
        }
        if (!used.insert(place).second) {
            return fail(FaultKind::refused, "two tablespaces would go to " + place, "give each a directory of its own");
        }
        places.tablespaces[tablespace.oid] = place;
    }
    for (const auto& [name, place] : moved) {
        if (named.contains(name)) continue;
        return fail(FaultKind::refused, "the backup has no tablespace " + name,
                    "name one of the backup's tablespaces, or its oid");
    }
    return places;
}

Result<> RestoreTarget::prepare_directory(const std::string& path, std::optional<std::uint32_t> tablespace) {
    std::error_code error;
    const bool was_there = fs::exists(path, error);
    if (!was_there) {
        fs::create_directories(path, error);
        if (error) {
            return fail(FaultKind::refused, "cannot make " + path + ": " + error.message(),
                        "make it, owned by the user who restores");
        }
        made_.push_back(path);
    }
    for (const auto& entry : fs::directory_iterator(path, error)) {
        if (belongs(entry.path().filename().string(), tablespace)) continue;
        return fail(FaultKind::refused, path + " is not empty: it has " + entry.path().filename().string(),
                    tablespace ? "empty it, or move the tablespace elsewhere" : "empty it, or name another directory");
    }
    if (error) return fail(FaultKind::unavailable, "cannot read " + path + ": " + error.message());
    Descriptor opened(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened) return cannot("open", path);
    if (::fchmod(opened.get(), 0700) != 0) return cannot("set the mode of", path);
    open_.insert_or_assign(tablespace, std::move(opened));
    return {};
}

Result<> RestoreTarget::remove_unfinished() {
    const Descriptor target(::open(places_.target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!target && errno == ENOENT) return {};
    if (!target) return cannot("open", places_.target);
    // The tablespaces first: killed here, the next one is led there again.
    const auto marker = read_file_at(target.get(), std::string(restore_marker), longest_marker);
    if (!marker && marker.error().kind != FaultKind::not_found) return std::unexpected(marker.error());
    if (marker) {
        if (auto removed = remove_named(*marker); !removed) return removed;
    }
    if (auto removed = remove_linked(places_.target + "/pg_tblspc"); !removed) return removed;
    return remove_below(places_.target, "", "lost+found");
}

Result<> RestoreTarget::clear_remains() {
    const Descriptor target(::open(places_.target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!target && errno == ENOENT) return {};
    if (!target) return cannot("open", places_.target);
    const auto marker = read_file_at(target.get(), std::string(restore_marker), longest_marker);
    if (!marker) return marker.error().kind == FaultKind::not_found ? Result<>{} : std::unexpected(marker.error());
    if (::faccessat(target.get(), std::string(control_file).c_str(), F_OK, 0) == 0) {
        return fail(FaultKind::refused, places_.target + " holds a restored database",
                    "remove " + std::string(restore_marker) + " from it to use it, or empty it");
    }
    if (auto removed = remove_named(*marker); !removed) return removed;
    if (auto removed = remove_below(places_.target, "", restore_marker); !removed) return removed;
    return done_or(::unlinkat(target.get(), std::string(restore_marker).c_str(), 0), "remove the marker in",
                   places_.target);
}

std::string RestoreTarget::marker_text(const std::string& backup) const {
    std::string text = std::string(backup_word) + backup + "\n";
    for (const auto& [oid, place] : places_.tablespaces) text += std::string(tablespace_word) + place + "\n";
    if (places_.wal_directory) text += std::string(wal_word) + *places_.wal_directory + "\n";
    return text;
}

Result<> RestoreTarget::prepare(const std::string& backup, std::uint64_t bytes) {
    if (auto cleared = clear_remains(); !cleared) return cleared;
    if (auto made = prepare_directory(places_.target, std::nullopt); !made) return made;
    for (const auto& [oid, place] : places_.tablespaces) {
        if (auto made = prepare_directory(place, oid); !made) return made;
    }
    if (places_.wal_directory) {
        if (auto made = prepare_directory(*places_.wal_directory, 0); !made) return made;
    }
    struct statvfs room{};
    if (::fstatvfs(directory(std::nullopt), &room) == 0 && room.f_bavail * room.f_frsize < bytes &&
        places_.tablespaces.empty()) {
        return fail(FaultKind::refused,
                    "the backup needs " + std::to_string(bytes >> 20) + " MB and " + places_.target + " has room for " +
                        std::to_string((room.f_bavail * room.f_frsize) >> 20) + " MB",
                    "make room, or name a directory on another file system");
    }
    const int target = directory(std::nullopt);
    if (auto written = write_file_at(target, std::string(restore_marker), marker_text(backup)); !written)
        return written;
    ours_ = true;
    return sync_directory(target, places_.target);
}

int RestoreTarget::directory(std::optional<std::uint32_t> tablespace) const {
    const auto found = open_.find(tablespace);
    return found == open_.end() ? -1 : found->second.get();
}

Result<std::string> RestoreTarget::read(const std::string& name, std::size_t limit) const {
    return read_file_at(directory(std::nullopt), name, limit);
}

Result<> RestoreTarget::write(const std::string& name, std::string_view text) const {
    return write_file_at(directory(std::nullopt), name, text);
}

Result<> RestoreTarget::remove(const std::string& name) const {
    if (::unlinkat(directory(std::nullopt), name.c_str(), 0) == 0 || errno == ENOENT) return {};
    return cannot("remove", name);
}

Result<> RestoreTarget::link() const {
    const int target = directory(std::nullopt);
    for (const char* name : wanted_directories) {
        if (::mkdirat(target, name, 0700) != 0 && errno != EEXIST) return cannot("make the directory", name);
    }
    if (!places_.wal_directory) {
        if (::mkdirat(target, "pg_wal", 0700) != 0 && errno != EEXIST) return cannot("make the directory", "pg_wal");
    } else {
        // One without WAL came with the tar, and pg_basebackup's has empty directories in it.
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(places_.target + "/pg_wal", ignored)) {
            if (entry.is_directory(ignored)) ::rmdir(entry.path().c_str());
        }
        if (::unlinkat(target, "pg_wal", AT_REMOVEDIR) != 0 && errno != ENOENT) return cannot("replace", "pg_wal");
        if (::symlinkat(places_.wal_directory->c_str(), target, "pg_wal") != 0) return cannot("link", "pg_wal");
    }
    for (const auto& [oid, place] : places_.tablespaces) {
        const std::string name = "pg_tblspc/" + std::to_string(oid);
        if (::symlinkat(place.c_str(), target, name.c_str()) != 0) return cannot("link", name);
    }
    return {};
}

Result<> RestoreTarget::complete() const {
    std::set<dev_t> synced;
    for (const auto& [tablespace, opened] : open_) {
        struct stat facts{};
        if (::fstat(opened.get(), &facts) != 0 || !synced.insert(facts.st_dev).second) continue;
        if (::syncfs(opened.get()) != 0) return cannot("sync", places_.target);
    }
    const int target = directory(std::nullopt);
    if (::renameat(target, std::string(waiting_control_file).c_str(), target, std::string(control_file).c_str()) != 0) {
        return cannot("put in place", std::string(control_file));
    }
    const Descriptor global(::openat(target, "global", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!global) return cannot("open", "global");
    if (auto synced_global = sync_directory(global.get(), "global"); !synced_global) return synced_global;
    if (auto removed = remove(std::string(restore_marker)); !removed) return removed;
    return sync_directory(target, places_.target);
}

void RestoreTarget::give_up() {
    // What cannot be removed is found by the next restore: the marker says so.
    if (ours_) std::ignore = clear_remains();
    open_.clear();
    std::error_code ignored;
    for (const auto& path : made_) fs::remove(path, ignored);
    made_.clear();
    ours_ = false;
}

}  // namespace pgbosun::backup
