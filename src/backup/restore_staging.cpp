#include "backup/restore_staging.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace pgbosun::backup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view combined = "combined";
constexpr int with_links = 180000;  // the first version whose pg_combinebackup has --link

std::string staged(const std::string& place) { return place + "/" + std::string(staging_directory); }

Result<> done_or(const std::error_code& error, std::string_view verb, const std::string& path) {
    if (!error) return {};
    const bool full = error == std::errc::no_space_on_device;
    return fail(full ? FaultKind::refused : FaultKind::unavailable,
                "cannot " + std::string(verb) + " " + path + ": " + error.message());
}

// For -T, which separates with '='.
std::string escaped(const std::string& path) {
    std::string text;
    for (const char c : path) text += c == '=' ? std::string("\\=") : std::string(1, c);
    return text;
}

// All that is in `from`, within one file system.
Result<> move_all(const std::string& from, const std::string& to) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(from, error)) {
        const auto there = to + "/" + entry.path().filename().string();
        fs::rename(entry.path(), there, error);
        if (error) return done_or(error, "move into place", there);
    }
    return done_or(error, "read", from);
}

}  // namespace

std::string RestoreStaging::path(const Backup& backup, std::optional<std::uint32_t> tablespace) const {
    const auto& places = target_.places();
    const auto id = backup.id.text();
    if (!tablespace) return staged(places.target) + "/" + id;
    const auto found = places.tablespaces.find(*tablespace);
    if (found != places.tablespaces.end()) return staged(found->second) + "/" + id;
    // One that was dropped later in the chain: nobody needs it, but the manifest names its files.
    return staged(places.target) + "/" + id + "-" + std::to_string(*tablespace);
}

Result<> RestoreStaging::prepare(const Backup& backup) {
    std::error_code error;
    const auto data = path(backup, std::nullopt);
    std::vector<std::optional<std::uint32_t>> all{std::nullopt};
    for (const auto& tablespace : backup.info->tablespaces) all.emplace_back(tablespace.oid);
    for (const auto& tablespace : all) {
        const auto place = path(backup, tablespace);
        fs::create_directories(place, error);
        if (!error) fs::permissions(place, fs::perms::owner_all, error);
        if (error) return done_or(error, "make", place);
        Descriptor opened(::open(place.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!opened) return fail(FaultKind::unavailable, "cannot open " + place + ": " + std::strerror(errno));
        open_.insert_or_assign(Key{backup.id, tablespace}, std::move(opened));
        if (!tablespace) continue;
        fs::create_directories(data + "/pg_tblspc", error);
        if (!error) fs::create_directory_symlink(place, data + "/pg_tblspc/" + std::to_string(*tablespace), error);
        if (error) return done_or(error, "link", place);
    }
    return {};
}

int RestoreStaging::directory(const Backup& backup, std::optional<std::uint32_t> tablespace) const {
    const auto found = open_.find(Key{backup.id, tablespace});
    return found == open_.end() ? -1 : found->second.get();
}

Result<std::string> RestoreStaging::read(const Backup& backup, const std::string& name, std::size_t limit) const {
    return read_file_at(directory(backup, std::nullopt), name, limit);
}

Result<> RestoreStaging::write(const Backup& backup, const std::string& name, std::string_view text) const {
    return write_file_at(directory(backup, std::nullopt), name, text);
}

Command RestoreStaging::combination(const std::vector<Backup>& chain, const std::string& bin_dir) const {
    Command command;
    command.program = bin_dir + "/pg_combinebackup";
    // All of it is synced with the target.
    command.arguments = {"--no-sync"};
    const auto& last = chain.back();
    if (last.info->version >= with_links) command.arguments.emplace_back("--link");
    for (const auto& tablespace : last.info->tablespaces) {
        const auto place = target_.places().tablespaces.at(tablespace.oid);
        command.arguments.push_back("--tablespace-mapping=" + escaped(path(last, tablespace.oid)) + "=" +
                                    escaped(staged(place) + "/" + std::string(combined)));
    }
    command.arguments.push_back("--output=" + staged(target_.places().target) + "/" + std::string(combined));
    for (const auto& backup : chain) command.arguments.push_back(path(backup, std::nullopt));
    command.environment = {"PATH=" + bin_dir + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"};
    command.working_directory = target_.places().target;
    command.death_signal = SIGKILL;
    return command;
}

Result<> RestoreStaging::adopt() const {
    const auto& places = target_.places();
    const auto made = staged(places.target) + "/" + std::string(combined);
    std::error_code error;
    fs::rename(made + "/" + std::string(control_file), made + "/" + std::string(waiting_control_file), error);
    if (error) return done_or(error, "set aside", std::string(control_file));
    // Its links lead to where the tablespaces were made.
    fs::remove_all(made + "/pg_tblspc", error);
    if (error) return done_or(error, "remove", made + "/pg_tblspc");
    if (auto moved = move_all(made, places.target); !moved) return moved;
    for (const auto& [oid, place] : places.tablespaces) {
        if (auto moved = move_all(staged(place) + "/" + std::string(combined), place); !moved) return moved;
        fs::remove_all(staged(place), error);
        if (error) return done_or(error, "remove", staged(place));
    }
    fs::remove_all(staged(places.target), error);
    return done_or(error, "remove", staged(places.target));
}

}  // namespace pgbosun::backup
