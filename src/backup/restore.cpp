#include "backup/restore.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "backup/backup_label.hpp"
#include "backup/reports.hpp"
#include "backup/tar_reading.hpp"
#include "backup/untar.hpp"
#include "pgbosun/restored_copy.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t most_missing_named = 3;
constexpr std::size_t longest_conf = std::size_t{16} << 20;  // bytes
constexpr std::string_view conf_file = "postgresql.conf";
constexpr std::string_view label_file = "backup_label";
constexpr std::string_view auto_conf_file = "postgresql.auto.conf";

// Of a server that ran, of another recovery, or made here.
bool is_left_out(std::string_view path) {
    constexpr std::array names{"postmaster.pid", "postmaster.opts", "standby.signal",  "recovery.signal",
                               "recovery.conf",  "tablespace_map",  "backup_manifest", "pgbosun.restore"};
    return path == restored_copy_file || path == restored_settings_file ||
           std::ranges::find(names, path) != names.end();
}

// Links that PostgreSQL itself makes; they are made anew here.
bool is_known_link(std::string_view path) { return path == "pg_wal" || path.starts_with("pg_tblspc/"); }

Result<std::optional<std::string>> place_in_chain(const TarMember& entry) {
    if (entry.path == waiting_control_file) return fail(FaultKind::corrupt, "the tar has " + entry.path);
    if (is_left_out(entry.path)) return std::nullopt;
    if (entry.type == TarMember::Type::symbolic_link && is_known_link(entry.path)) return std::nullopt;
    return entry.path;
}

Result<std::optional<std::string>> place_in_data_directory(const TarMember& entry) {
    if (entry.path == control_file) return std::string(waiting_control_file);
    return place_in_chain(entry);
}

// PostgreSQL uses "PG_<version>_<catalog>" there and nothing else.
Result<std::optional<std::string>> place_in_tablespace(const TarMember& entry) {
    if (!entry.path.starts_with("PG_")) return std::nullopt;
    return entry.path;
}

Result<> check_whole(const BackupFiles& files) {
    if (!files.check) return {};
    std::string names;
    for (const auto& path : files.check->missing(most_missing_named)) {
        if (path != label_file && !is_left_out(path)) names += (names.empty() ? "" : ", ") + path;
    }
    if (names.empty()) return {};
    return fail(FaultKind::corrupt, "the tars lack files that the manifest names: " + names);
}

// Of the files, when whoever wrote the backup said so; else a lower bound.
std::uint64_t bytes_of(const Backup& backup, const BackupFiles& files) {
    std::uint64_t bytes = 0;
    const auto said = backup.info->remarks.find(std::string(remark::size));
    if (said != backup.info->remarks.end()) {
        const auto& text = said->second;
        std::from_chars(text.data(), text.data() + text.size(), bytes);
    }
    return std::max(bytes, files.stored);
}

}  // namespace

Restoration::Restoration(Catalog& catalog, std::vector<Backup> chain, const RestoreOrder& order)
    : catalog_(catalog), chain_(std::move(chain)), order_(order), target_(order.places), staging_(target_) {}

Restoration::~Restoration() {
    if (!finished_) target_.give_up();
}

// A chain is there twice for a moment: its parts, and what is made of them.
std::uint64_t Restoration::expected_bytes() const {
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < chain_.size(); ++at) bytes += bytes_of(chain_[at], files_[at]);
    return combines() ? bytes + bytes_of(chain_.front(), files_.front()) : bytes;
}

Result<> Restoration::unpack() {
    if (chain_.front().kind != Kind::full) {
        return fail(FaultKind::refused, "backup " + wanted().id.text() + " needs what it builds on");
    }
    for (const auto& backup : chain_) {
        if (!backup.info) return std::unexpected(backup.info.error());
        if (auto possible = expect_tars(backup); !possible) return possible;
        auto files = open_backup(catalog_, backup);
        if (!files) return std::unexpected(std::move(files.error()));
        all_stored_ += files->stored;
        files_.push_back(std::move(*files));
    }
    if (order_.left_over == LeftOver::removed) {
        if (auto removed = target_.remove_unfinished(); !removed) return removed;
    }
    if (auto prepared = target_.prepare(wanted().id.text(), expected_bytes()); !prepared) return prepared;
    if (order_.begun) order_.begun();
    for (std::size_t at = 0; at < chain_.size(); ++at) {
        if (combines()) {
            if (auto made = staging_.prepare(chain_[at]); !made) return made;
        }
        if (auto unpacked = unpack_one(chain_[at], files_[at]); !unpacked) {
            return std::unexpected(std::move(unpacked.error()).in("backup " + chain_[at].id.text()));
        }
    }
    restored_.bytes = bytes_;
    restored_.stored = stored_;
    restored_.checked = std::ranges::all_of(files_, [](const auto& it) { return it.check != nullptr; });
    return {};
}

Result<> Restoration::unpack_one(const Backup& backup, BackupFiles& files) {
    std::atomic<bool> control_seen = false;
    const auto take = [&](const Tar& tar, const UnpackedFile& file) -> Result<> {
        if (!tar.name.tablespace && file.path == control_file) control_seen = true;
        if (!files.check) return {};
        auto compared = files.check->compare(manifest_path(tar.name, file.path), file);
        // A file more does not hurt; verification names it.
        if (!compared && compared.error().kind == FaultKind::refused) return {};
        return compared;
    };
    const auto make = [&](const Tar& tar) {
        const auto oid = tar.name.tablespace;
        const int directory = combines() ? staging_.directory(backup, oid) : target_.directory(oid);
        const auto place = oid ? place_in_tablespace : combines() ? place_in_chain : place_in_data_directory;
        const auto on_file = [&take, &tar](const UnpackedFile& file) { return take(tar, file); };
        return std::make_unique<Untar>(directory, place, on_file);
    };
    const TarReading reading{catalog_.store(), files.tars, order_.workers, OnDamage::stop, make, stored_, bytes_};
    std::vector<Fault> faults;
    {
        const Reports reports([this] { report("copying"); });
        faults = read_tars(reading);
    }
    if (!faults.empty()) return std::unexpected(std::move(faults.front()));
    if (!control_seen) return fail(FaultKind::corrupt, "the backup has no " + std::string(control_file));
    if (auto whole = check_whole(files); !whole) return whole;
    if (!combines()) return {};
    if (auto labelled = check_label(backup); !labelled) return labelled;
    return files.manifest ? staging_.write(backup, "backup_manifest", *files.manifest) : Result<>();
}

// Without it PostgreSQL would begin at the wrong checkpoint, and not notice.
Result<> Restoration::check_label(const Backup& backup) {
    const std::string name(label_file);
    const bool in_chain = combines() && !combined_;
    const auto& told = backup.info->backup_label;
    const auto text = in_chain ? staging_.read(backup, name, longest_label) : target_.read(name, longest_label);
    if (!text && text.error().kind != FaultKind::not_found) return std::unexpected(text.error());
    if (!text && told.empty()) return fail(FaultKind::corrupt, "the backup has no backup_label");
    const auto label = parse_backup_label(text ? *text : told);
    if (!label) return std::unexpected(label.error());
    if (backup.info->begin && label->start != backup.info->begin->lsn) {
        return fail(FaultKind::corrupt, "backup_label begins at " + to_string(label->start) +
                                            ", and backup.info says " + to_string(backup.info->begin->lsn));
    }
    if (text) return {};
    restored_.notes.emplace_back("backup_label was taken from backup.info");
    return in_chain ? staging_.write(backup, name, told) : target_.write(name, told);
}

std::optional<Command> Restoration::combination(const std::string& bin_dir) const {
    if (!combines()) return std::nullopt;
    return staging_.combination(chain_, bin_dir);
}

Result<RestoredBackup> Restoration::finish() {
    auto done = combines() ? staging_.adopt() : Result<>();
    combined_ = true;
    if (done) done = target_.link();
    if (done) done = check_label(wanted());
    if (done) done = configure();
    if (done) {
        report("writing to disk");
        done = target_.complete();
    }
    if (!done) return std::unexpected(std::move(done.error()));
    finished_ = true;
    return std::move(restored_);
}

Result<> Restoration::configure() {
    // That of a chain was made with it.
    if (!combines() && files_.front().manifest) {
        if (auto written = target_.write("backup_manifest", *files_.front().manifest); !written) return written;
    }
    if (auto kept = keep_in_place(); !kept) return kept;
    if (!order_.copy_of.empty()) {
        if (auto marked = target_.write(std::string(restored_copy_file), order_.copy_of); !marked) return marked;
    }
    if (order_.parameters.empty()) return {};
    if (!order_.settings.empty()) {
        if (auto told = target_.write(std::string(restored_settings_file), order_.settings); !told) return told;
    }
    const auto before = target_.read(std::string(auto_conf_file), longest_conf);
    if (!before && before.error().kind != FaultKind::not_found) return std::unexpected(before.error());
    auto written = target_.write(std::string(auto_conf_file),
                                 with_parameters(before ? *before : std::string(), order_.parameters));
    if (written) written = target_.write("recovery.signal", "");
    return written;
}

// A configuration that lay elsewhere (Debian's /etc/postgresql) names its places, and includes what lay beside it.
Result<> Restoration::keep_in_place() {
    const auto before = target_.read(std::string(conf_file), longest_conf);
    if (!before && before.error().kind == FaultKind::not_found) return {};
    if (!before) return std::unexpected(before.error());
    const std::filesystem::path target = order_.places.target;
    const auto is_there = [&](const std::string& path) {
        std::error_code ignored;
        return std::filesystem::exists(target / path, ignored);
    };
    const auto after = without_foreign_places(*before, is_there);
    if (after == *before) return {};
    restored_.notes.emplace_back(
        "postgresql.conf led to files elsewhere, or that are not in the backup: these lines are comments now");
    return target_.write(std::string(conf_file), after);
}

void Restoration::report(const char* step) const {
    if (order_.progress) order_.progress({wanted().id.text(), step, stored_, all_stored_});
}

}  // namespace pgbosun::backup
