#include "backup/restore.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "backup/backup_files.hpp"
#include "backup/backup_label.hpp"
#include "backup/reports.hpp"
#include "backup/tar_reading.hpp"
#include "backup/untar.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t most_missing_named = 3;
constexpr std::size_t longest_auto_conf = std::size_t{16} << 20;
constexpr std::string_view label_file = "backup_label";
constexpr std::string_view auto_conf_file = "postgresql.auto.conf";

// Of a server that ran, of another recovery, or made here.
bool is_left_out(std::string_view path) {
    constexpr std::array names{"postmaster.pid",  "postmaster.opts", "standby.signal", "recovery.signal",
                               "recovery.conf",   "tablespace_map",  "backup_manifest", "pgbosun.restore",
                               "current_logfiles"};
    return std::ranges::find(names, path) != names.end();
}

// Links that PostgreSQL itself makes; they are made anew here.
bool is_known_link(std::string_view path) { return path == "pg_wal" || path.starts_with("pg_tblspc/"); }

Result<std::optional<std::string>> place_in_data_directory(const TarEntry& entry) {
    if (entry.path == control_file) return std::string(waiting_control_file);
    if (entry.path == waiting_control_file) return fail(FaultKind::corrupt, "the tar has " + entry.path);
    if (is_left_out(entry.path)) return std::nullopt;
    if (entry.type == TarEntry::Type::symbolic_link && is_known_link(entry.path)) return std::nullopt;
    return entry.path;
}

// PostgreSQL uses "PG_<version>_<catalog>" there and nothing else.
Result<std::optional<std::string>> place_in_tablespace(const TarEntry& entry) {
    if (!entry.path.starts_with("PG_")) return std::nullopt;
    return entry.path;
}

class Restore {
public:
    Restore(Catalog& catalog, const Backup& backup, const RestoreOrder& order)
        : catalog_(catalog), backup_(backup), order_(order), target_(order.places) {}

    Result<RestoredBackup> run() {
        if (!backup_.info) return std::unexpected(backup_.info.error());
        if (auto possible = expect_tars(backup_); !possible) return std::unexpected(std::move(possible.error()));
        auto files = open_backup(catalog_, backup_);
        if (!files) return std::unexpected(std::move(files.error()));
        files_ = std::move(*files);
        auto prepared = target_.prepare(backup_.id.text(), expected_bytes());
        if (prepared) prepared = fill();
        if (!prepared) {
            target_.give_up();
            return std::unexpected(std::move(prepared.error()));
        }
        return std::move(restored_);
    }

private:
    // Of the files, when whoever wrote the backup said so; else a lower bound.
    [[nodiscard]] std::uint64_t expected_bytes() const {
        std::uint64_t bytes = 0;
        const auto said = backup_.info->remarks.find(std::string(remark::size));
        if (said != backup_.info->remarks.end()) {
            const auto& text = said->second;
            std::from_chars(text.data(), text.data() + text.size(), bytes);
        }
        return std::max(bytes, files_.stored);
    }

    Result<> fill() {
        if (auto unpacked = unpack(); !unpacked) return unpacked;
        if (auto whole = check_whole(); !whole) return whole;
        if (auto linked = target_.link(); !linked) return linked;
        if (auto labelled = label(); !labelled) return labelled;
        if (auto configured = configure(); !configured) return configured;
        report("writing to disk");
        return target_.complete();
    }

    Result<> unpack() {
        const auto make = [this](const Tar& tar) {
            const auto on_file = [this, &tar](const UnpackedFile& file) { return take(tar, file); };
            return std::make_unique<Untar>(target_.directory(tar.name.tablespace),
                                           tar.name.tablespace ? place_in_tablespace : place_in_data_directory,
                                           on_file);
        };
        const TarReading reading{catalog_.store(), files_.tars, order_.workers, OnDamage::stop,
                                 make,             stored_,     bytes_};
        std::vector<Fault> faults;
        {
            const Reports reports([this] { report("copying"); });
            faults = read_tars(reading);
        }
        restored_.bytes = bytes_;
        restored_.stored = stored_;
        restored_.checked = files_.check != nullptr;
        if (faults.empty()) return {};
        return std::unexpected(std::move(faults.front()));
    }

    Result<> take(const Tar& tar, const UnpackedFile& file) {
        if (!tar.name.tablespace && file.path == control_file) control_seen_ = true;
        if (!files_.check) return {};
        auto compared = files_.check->compare(manifest_path(tar.name, file.path), file);
        // A file more does not hurt; verification names it.
        if (!compared && compared.error().kind == FaultKind::refused) return {};
        return compared;
    }

    Result<> check_whole() {
        if (!control_seen_) return fail(FaultKind::corrupt, "the backup has no " + std::string(control_file));
        if (!files_.check) return {};
        const auto missing = files_.check->missing(most_missing_named);
        std::string names;
        for (const auto& path : missing) {
            if (path != label_file && !is_left_out(path)) names += (names.empty() ? "" : ", ") + path;
        }
        if (names.empty()) return {};
        return fail(FaultKind::corrupt, "the tars lack files that the manifest names: " + names);
    }

    // Without it PostgreSQL would begin at the wrong checkpoint, and not notice.
    Result<> label() {
        const auto& told = backup_.info->backup_label;
        const auto text = target_.read(std::string(label_file), longest_label);
        if (!text && text.error().kind != FaultKind::not_found) return std::unexpected(text.error());
        if (!text && told.empty()) return fail(FaultKind::corrupt, "the backup has no backup_label");
        const auto label = parse_backup_label(text ? *text : told);
        if (!label) return std::unexpected(label.error());
        if (backup_.info->begin && label->start != backup_.info->begin->lsn) {
            return fail(FaultKind::corrupt, "backup_label begins at " + to_string(label->start) +
                                                ", and backup.info says " + to_string(backup_.info->begin->lsn));
        }
        if (!text) restored_.notes.emplace_back("backup_label was taken from backup.info");
        return text ? Result<>{} : target_.write(std::string(label_file), told);
    }

    Result<> configure() {
        if (files_.manifest) {
            if (auto written = target_.write("backup_manifest", *files_.manifest); !written) return written;
        }
        if (order_.parameters.empty()) return {};
        const auto before = target_.read(std::string(auto_conf_file), longest_auto_conf);
        if (!before && before.error().kind != FaultKind::not_found) return std::unexpected(before.error());
        auto written = target_.write(std::string(auto_conf_file),
                                     with_parameters(before ? *before : std::string(), order_.parameters));
        if (written) written = target_.write("recovery.signal", "");
        return written;
    }

    void report(const char* step) const {
        if (order_.progress) order_.progress({backup_.id.text(), step, stored_, files_.stored});
    }

    Catalog& catalog_;
    const Backup& backup_;
    const RestoreOrder& order_;
    RestoreTarget target_;
    BackupFiles files_;
    RestoredBackup restored_;
    std::atomic<std::uint64_t> stored_ = 0, bytes_ = 0;
    std::atomic<bool> control_seen_ = false;
};

}  // namespace

Result<RestoredBackup> restore(Catalog& catalog, const Backup& backup, const RestoreOrder& order) {
    return Restore(catalog, backup, order).run();
}

}  // namespace pgbosun::backup
