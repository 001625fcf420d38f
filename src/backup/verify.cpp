#include "backup/verify.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "backup/backup_files.hpp"
#include "backup/backup_label.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/needed_wal.hpp"
#include "backup/reports.hpp"
#include "backup/tar_inspection.hpp"
#include "backup/tar_reading.hpp"
#include "backup/wal_check.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::string_view control_path = "global/pg_control";
constexpr std::string_view label_path = "backup_label";
constexpr std::string_view version_path = "PG_VERSION";

bool nobody_can_say(const Fault& fault) {
    return fault.kind == FaultKind::unavailable || fault.kind == FaultKind::cancelled;
}

class Verify {
public:
    Verify(Catalog& catalog, const Backup& backup, const VerifyOrder& order)
        : catalog_(catalog), backup_(backup), order_(order), info_(*backup.info) {}

    Result<Verification> run() {
        auto files = open_backup(catalog_, backup_);
        if (!files && nobody_can_say(files.error())) return std::unexpected(std::move(files.error()));
        if (files) {
            files_ = std::move(*files);
            result_.with_manifest = files_.check != nullptr;
            // Each of ours was made with one; Barman's have none.
            if (!files_.check && info_.remarks.contains(std::string(remark::version))) {
                find("backup_manifest.zst is missing: pgbosun wrote one");
            }
            if (auto done = read(); !done) return std::unexpected(std::move(done.error()));
            check_files();
        } else {
            find(files.error().what);
        }
        if (auto wal = check_wal_of_backup(); !wal) return std::unexpected(std::move(wal.error()));
        if (left_out_ > 0) result_.findings.push_back("and " + std::to_string(left_out_) + " more");
        return std::move(result_);
    }

private:
    void find(std::string finding) {
        const std::lock_guard lock(mutex_);
        if (result_.findings.size() < most_findings) {
            result_.findings.push_back(std::move(finding));
        } else {
            ++left_out_;
        }
    }

    Result<> read() {
        const auto make = [this](const Tar& tar) {
            return std::make_unique<TarInspection>(
                [&tar](const std::string& path) {
                    return !tar.name.tablespace && (path == control_path || path == label_path || path == version_path);
                },
                [this, &tar](const InspectedFile& file) { take(tar, file); });
        };
        const TarReading reading{catalog_.store(), files_.tars, order_.workers, OnDamage::go_on, make, stored_, bytes_};
        std::vector<Fault> faults;
        {
            const Reports reports([this] { report("reading the tars"); });
            faults = read_tars(reading);
        }
        for (auto& fault : faults) {
            if (nobody_can_say(fault)) return std::unexpected(std::move(fault));
            find(std::move(fault.what));
        }
        result_.bytes = bytes_;
        result_.stored = stored_;
        return {};
    }

    void take(const Tar& tar, const InspectedFile& file) {
        if (files_.check) {
            const UnpackedFile unpacked{file.path, file.size, file.crc32c};
            if (auto same = files_.check->compare(manifest_path(tar.name, file.path), unpacked); !same) {
                find(std::move(same.error().what));
            }
        }
        const std::lock_guard lock(mutex_);
        ++result_.files;
        if (!file.text) return;
        (file.path == control_path ? control_ : file.path == label_path ? label_ : version_) = *file.text;
    }

    void check_files() {
        if (!control_) {
            find("the backup has no global/pg_control");
        } else {
            const auto id = order_.system_id(*control_);
            if (!id) {
                find("global/pg_control: " + id.error().what);
            } else if (info_.system_id && *id != *info_.system_id) {
                find("global/pg_control is of the cluster with system identifier " + std::to_string(number(*id)) +
                     ", backup.info says " + std::to_string(number(*info_.system_id)));
            }
        }
        check_label();
        check_version();
        if (!files_.check) return;
        for (const auto& path : files_.check->missing(most_findings)) find(path + " is in the manifest and in no tar");
    }

    void check_version() {
        const auto told = std::to_string(info_.version / 10'000);
        const auto files = version_ ? version_->substr(0, version_->find_first_of(" \r\n")) : std::string();
        if (!version_) return find("the backup has no PG_VERSION");
        if (files != told) find("PG_VERSION says " + files + ", backup.info says " + told);
    }

    void check_label() {
        if (!label_ && info_.backup_label.empty()) return find("the backup has no backup_label");
        if (label_ && !info_.backup_label.empty() && *label_ != info_.backup_label) {
            find("backup_label in the tar is not the one in backup.info");
        }
        const auto label = parse_backup_label(label_ ? *label_ : info_.backup_label);
        if (!label) return find("backup_label: " + label.error().what);
        if (label->start != info_.begin->lsn) {
            find("backup_label begins at " + to_string(label->start) + ", backup.info says " +
                 to_string(info_.begin->lsn));
        }
    }

    Result<> check_wal_of_backup() {
        const auto size = wal::SegmentSize::from_bytes(info_.segment_size);
        if (!size) {
            find("backup.info: impossible segment size");
            return {};
        }
        const auto first = segment_of(info_.begin->segment, *size);
        const auto last = segment_of(info_.end->segment, *size);
        if (!first || !last || first->timeline > last->timeline || first->number > last->number) {
            find("backup.info: the backup cannot begin in " + to_string(info_.begin->segment) + " and end in " +
                 to_string(info_.end->segment));
            return {};
        }
        auto stretches = stretches_of(*first, *last, *size);
        if (!stretches && nobody_can_say(stretches.error())) return std::unexpected(std::move(stretches.error()));
        if (!stretches) find(stretches.error().what);
        if (!stretches) return {};
        report("reading the WAL");
        for (const auto& stretch : *stretches) {
            result_.segments += stretch.last.number - stretch.first.number + 1;
            auto findings = check_wal(catalog_.store(), catalog_.server(), stretch, order_.workers);
            if (!findings) return std::unexpected(std::move(findings.error()));
            for (auto& finding : *findings) find(std::move(finding));
        }
        return {};
    }

    // More than one when a standby went over to other timelines during the backup.
    Result<std::vector<WalStretch>> stretches_of(wal::WalSegment first, wal::WalSegment last, wal::SegmentSize size) {
        const WalStretch whole{first, last, size, info_.system_id, info_.end->lsn};
        if (first.timeline == last.timeline) return std::vector{whole};
        const auto history = read_history(catalog_, last.timeline);
        if (!history) return std::unexpected(history.error());
        const auto ranges = needed_wal(first.timeline, info_.begin->lsn, *history, info_.end->lsn);
        if (!ranges) return std::unexpected(ranges.error());
        std::vector<WalStretch> stretches;
        for (const auto& name : segments_of(*ranges, size)) {
            const auto segment = *segment_of(name, size);
            if (stretches.empty() || stretches.back().last.timeline != segment.timeline) {
                stretches.push_back(whole);
                stretches.back().first = segment;
            }
            stretches.back().last = segment;
        }
        return stretches;
    }

    void report(const char* step) const {
        if (order_.progress) order_.progress({backup_.id.text(), step, stored_, files_.stored});
    }

    Catalog& catalog_;
    const Backup& backup_;
    const VerifyOrder& order_;
    const BackupInfo& info_;
    BackupFiles files_;
    std::atomic<std::uint64_t> stored_ = 0, bytes_ = 0;
    std::mutex mutex_;  // guards what the workers find
    Verification result_;
    std::size_t left_out_ = 0;
    std::optional<std::string> control_, label_, version_;
};

}  // namespace

Result<Verification> verify(Catalog& catalog, const Backup& backup, const VerifyOrder& order) {
    if (!backup.info) return std::unexpected(backup.info.error());
    if (auto possible = expect_tars(backup); !possible) return std::unexpected(std::move(possible.error()));
    return Verify(catalog, backup, order).run();
}

}  // namespace pgbosun::backup
