#include "backup/linked_data.hpp"

#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kept_wal = "/pg_wal.old";
constexpr const char* probe_name = "/pgbosun.probe";

struct Tablespace {
    fs::path link;
    std::string place;
    [[nodiscard]] bool is_aside() const { return place.ends_with(aside_suffix); }
    [[nodiscard]] std::string aside() const { return place + std::string(aside_suffix); }
};

std::unexpected<Fault> cannot(const std::string& what, const std::error_code& error) {
    return fail(FaultKind::unavailable, what + ": " + error.message(),
                "look at the volume, and at who owns the directory");
}

Result<> sync_directory(const std::string& path) {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory && ::fsync(directory.get()) == 0) return {};
    return cannot("synchronising " + path, {errno, std::generic_category()});
}

// PG_15_202209061
bool is_of_version(std::string_view name, int server_major) {
    const std::string begin = "PG_" + std::to_string(server_major) + "_";
    return name.starts_with(begin) && name.size() > begin.size() &&
           name.find_first_not_of("0123456789", begin.size()) == std::string_view::npos;
}

// A tablespace that PostgreSQL has in place is no link, and is moved with the directory.
Result<std::vector<Tablespace>> tablespaces_of(const LinkedData& data) {
    const std::string directory = data.data_directory + "/pg_tblspc";
    std::vector<Tablespace> found;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        if (!entry->is_symlink(error)) continue;
        std::string place = fs::read_symlink(entry->path(), error).string();
        if (!error && place.starts_with('/')) found.push_back({entry->path(), std::move(place)});
    }
    if (!error || error == std::errc::no_such_file_or_directory) return found;
    return cannot("reading " + directory, error);
}

Result<std::vector<std::string>> files_of(const std::string& place, int server_major) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(place, error), end; !error && entry != end; entry.increment(error)) {
        std::string name = entry->path().filename().string();
        if (is_of_version(name, server_major)) names.push_back(std::move(name));
    }
    if (!error || error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) return names;
    return cannot("reading " + place, error);
}

Result<> remove_all(const std::string& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) return cannot("removing " + path, error);
    return {};
}

// Killed in between, the link is the old one or the new one.
Result<> lead_to(const fs::path& link, const std::string& place) {
    const fs::path beside = link.string() + ".new";
    std::error_code error;
    fs::remove(beside, error);
    if (!error) fs::create_symlink(place, beside, error);
    if (!error) fs::rename(beside, link, error);
    if (error) return cannot("having " + link.string() + " lead to " + place, error);
    return sync_directory(link.parent_path().string());
}

// Only a rename tells: a mount of its own cannot be left, of the same file system either.
std::error_code try_move(const Tablespace& tablespace) {
    const std::string here = tablespace.place + probe_name;
    const std::string there = tablespace.aside() + probe_name;
    std::error_code error, ignored;
    fs::create_directory(tablespace.aside(), error);
    if (!error) fs::create_directory(here, error);
    if (!error) fs::rename(here, there, error);
    fs::remove(here, ignored);
    fs::remove(there, ignored);
    return error;
}

Result<> check_movable(const LinkedData& data, const std::vector<Tablespace>& tablespaces) {
    bool begun = false;
    for (const auto& it : tablespaces) {
        if (it.is_aside()) begun = true;
        std::error_code unknown;
        if (it.is_aside() || !fs::exists(it.place, unknown)) continue;
        const auto moved = files_of(it.aside(), data.server_major);
        if (!moved) return std::unexpected(moved.error());
        const auto left = files_of(it.place, data.server_major);
        if (!left) return std::unexpected(left.error());
        if (!moved->empty() && left->empty()) begun = true;
        const auto error = try_move(it);
        const bool in_the_way = !moved->empty() && !left->empty();
        if (!error && !in_the_way) continue;
        // Empty ones that this has made.
        std::error_code ignored;
        for (const auto& made : tablespaces) {
            if (!begun && !made.is_aside()) fs::remove(made.aside(), ignored);
        }
        return fail(begun ? FaultKind::unavailable : FaultKind::refused,
                    "the tablespace in " + it.place + " cannot be kept aside in " + it.aside() + ": " +
                        (in_the_way ? "there is one already" : error.message()),
                    "its directory must not be a mount itself, and the one above it must be writable; or move the data "
                    "directory and its tablespaces away by hand");
    }
    return {};
}

Result<> set_aside(const LinkedData& data, const Tablespace& tablespace) {
    const auto names = files_of(tablespace.place, data.server_major);
    if (!names) return std::unexpected(names.error());
    std::error_code error;
    fs::create_directory(tablespace.aside(), error);
    for (const auto& name : *names) {
        if (!error) fs::rename(tablespace.place + "/" + name, tablespace.aside() + "/" + name, error);
    }
    if (error) return cannot("moving " + tablespace.place + " aside", error);
    for (const auto& directory : {tablespace.place, tablespace.aside()}) {
        if (!fs::exists(directory, error)) continue;
        if (auto synced = sync_directory(directory); !synced) return synced;
    }
    return lead_to(tablespace.link, tablespace.aside());
}

Result<> set_wal_aside(const LinkedData& data) {
    const fs::path link = data.data_directory + "/pg_wal";
    std::error_code error;
    const std::string place = fs::read_symlink(link, error).string();
    // One that leads elsewhere is in nobody's way.
    if (error || place != data.wal_directory) return {};
    const fs::path parent = fs::path(place).parent_path();
    const std::string kept = parent.string() + std::string(kept_wal);
    if (fs::exists(place, error)) fs::rename(place, kept, error);
    if (error) return cannot("moving " + place + " to " + kept, error);
    if (auto synced = sync_directory(parent.string()); !synced) return synced;
    return lead_to(link, kept);
}

}  // namespace

Result<> empty_linked(const LinkedData& data) {
    const auto tablespaces = tablespaces_of(data);
    if (!tablespaces) return std::unexpected(tablespaces.error());
    for (const auto& it : *tablespaces) {
        if (it.is_aside()) continue;
        const auto names = files_of(it.place, data.server_major);
        if (!names) return std::unexpected(names.error());
        for (const auto& name : *names) {
            if (auto removed = remove_all(it.place + "/" + name); !removed) return removed;
        }
    }
    return {};
}

Result<> set_linked_aside(const LinkedData& data) {
    const auto tablespaces = tablespaces_of(data);
    if (!tablespaces) return std::unexpected(tablespaces.error());
    if (auto movable = check_movable(data, *tablespaces); !movable) return movable;
    for (const auto& it : *tablespaces) {
        if (it.is_aside()) continue;
        if (auto moved = set_aside(data, it); !moved) return moved;
    }
    return set_wal_aside(data);
}

Result<> remove_linked_aside(const LinkedData& data) {
    const auto tablespaces = tablespaces_of(data);
    if (!tablespaces) return std::unexpected(tablespaces.error());
    for (const auto& it : *tablespaces) {
        if (!it.is_aside()) continue;
        if (auto removed = remove_all(it.place); !removed) return removed;
    }
    std::error_code error;
    const std::string wal = fs::read_symlink(data.data_directory + "/pg_wal", error).string();
    return !error && wal.ends_with(kept_wal) ? remove_all(wal) : Result<>();
}

}  // namespace pgbosun::backup
