#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <tuple>

#include "backup/archived_wal.hpp"
#include "backup/base_backup.hpp"
#include "backup/layout.hpp"
#include "backup/manifest.hpp"
#include "backup/needed_wal.hpp"
#include "codec/compressor.hpp"
#include "codec/crc32c.hpp"
#include "pgbosun/log.hpp"

// The end of a base backup: what is written when all is copied, or when it failed.

namespace pgbosun::backup {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(100);  // between two looks for WAL
constexpr Duration longest_pause = std::chrono::seconds(3);
constexpr std::size_t manifest_part = std::size_t{8} << 20;  // bytes
constexpr int most_pages = 10'000;                           // of the listing of a backup's objects
constexpr std::size_t most_logged_pages = 20;
constexpr std::string_view claim_name = "pgbosun.claim";

// False: it is to stop.
bool pause(Duration time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

WallTime wall_time(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

Result<> remove_below(ObjectStore& store, const std::string& prefix, const std::string& but) {
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        const auto listing = store.list(prefix, "", after);
        if (!listing) return std::unexpected(listing.error());
        std::vector<std::string> keys;
        for (const auto& object : listing->objects) {
            if (object.key != but) keys.push_back(object.key);
        }
        if (auto removed = keys.empty() ? Result<>() : store.remove(keys); !removed) return removed;
        after = listing->next;
        if (!after) return {};
    }
    return {};
}

}  // namespace

Result<> BaseBackup::judge_pages() {
    if (checks_pages()) info_.remarks[std::string(remark::bad_pages)] = std::to_string(survey_.count());
    const auto pages = survey_.named();
    for (std::size_t at = 0; at < std::min(pages.size(), most_logged_pages); ++at) {
        log::error("A page has a wrong checksum", {{"file", pages[at].path}, {"page", pages[at].page}});
    }
    if (pages.empty() || orders_.data.bad_pages != BadPages::fail) return {};
    return fail(FaultKind::corrupt,
                std::to_string(survey_.count()) + " pages have wrong checksums, the first is page " +
                    std::to_string(pages[0].page) + " of " + pages[0].path,
                "restore what they hold from an older backup; archive.data.bad_pages: report takes backups "
                "nevertheless");
}

Result<> BaseBackup::write_manifest() {
    step("writing the manifest", plan_.bytes);
    constexpr int zstd_level = 3;
    constexpr int with_system_id = 170000;  // the first version whose manifest has it
    auto compressor = codec::make_compressor(Compression::zstd, zstd_level);
    if (!compressor) return std::unexpected(std::move(compressor.error()));
    UploadPool pool(1, 2, manifest_part);
    PartWriter object(pool, outside_.data, manifest_key(orders_.server, *id_), manifest_part);
    if (auto begun = (*compressor)->begin(std::nullopt, object.buffer()); !begun) return begun;
    const auto sink = [&](std::string_view piece) -> Result<> {
        auto added = (*compressor)->append(std::as_bytes(std::span(piece)), object.buffer());
        return added ? object.flush() : added;
    };
    ManifestWriter manifest(server_->version >= with_system_id ? 2 : 1, server_->system_id, sink);
    const auto add = [&](const std::string& path, std::uint64_t size, std::int64_t modified,
                         std::uint32_t crc) {
        bytes_ += size;
        return manifest.add({.path = path, .size = size, .modified = wall_time(modified), .crc32c = crc});
    };
    for (const auto& root : roots_) {
        for (std::size_t at = 0; at < root.copied.size(); ++at) {
            const auto& file = root.copied[at];
            if (!file.present) continue;
            auto added = add(root.shown_path(root.tree.files[at]), file.size, file.modified, file.crc32c);
            if (!added) return added;
        }
    }
    for (const auto& file : small_files_) {
        const auto crc = codec::crc32c(0, std::as_bytes(std::span(file.content)));
        if (auto added = add(file.path, file.content.size(), file.modified, crc); !added) return added;
    }
    if (auto finished = manifest.finish(wal_); !finished) return finished;
    if (auto ended = (*compressor)->finish(object.buffer()); !ended) return ended;
    if (auto sent = object.finish(); !sent) return sent;
    auto there = pool.wait();
    stored_ += pool.stored();
    return there;
}

Result<> BaseBackup::wait_for_wal() {
    auto missing = segments_of(wal_, server_->segment_size);
    const auto deadline = std::chrono::steady_clock::now() + orders_.wal_deadline;
    bool switched = !server_->standby;
    Duration wait = first_pause;
    for (;;) {
        auto left = missing_from_archive(outside_.records, orders_.server, missing);
        if (left) missing = *std::move(left);
        // A store that is away for a moment is asked again: everything else is done.
        if (!left && left.error().kind != FaultKind::unavailable)
            return std::unexpected(std::move(left.error()));
        if (missing.empty()) return {};
        if (!switched) end_primary_segment();
        switched = true;
        const auto waiting = "waiting for WAL " + to_string(missing.front()) +
                             " in the archive; last archived " + last_archived();
        step(waiting, plan_.bytes);
        if (std::chrono::steady_clock::now() >= deadline) {
            return fail(
                FaultKind::unavailable, "the WAL that the backup needs was not archived in time: " + waiting,
                server_->standby ? "on the primary, see archive_command, archive_timeout and pg_stat_archiver"
                                 : "see archive_command and pg_stat_archiver");
        }
        if (!pause(wait, outside_.stop)) return fail(FaultKind::cancelled, "the backup was cancelled");
        wait = std::min(wait * 2, longest_pause);
    }
}

// A standby cannot end the segment that its backup's end is in: the primary does, now or by archive_timeout.
void BaseBackup::end_primary_segment() {
    if (server_->primary.empty() || !outside_.switch_primary_wal) return;
    const auto asked = outside_.switch_primary_wal(server_->primary);
    if (asked) return;
    log::warning(
        "The primary could not be asked to end its WAL segment; the backup waits until it does so by itself",
        {{"error", asked.error().text()},
         {"hint", "run SELECT pg_switch_wal() there, or set archive_timeout"}});
}

std::string BaseBackup::last_archived() {
    if (server_->standby) return "is known on the primary only";
    // The session is needed no more: without it there is less to say.
    const auto rows = ask("SELECT last_archived_wal FROM pg_stat_archiver");
    const bool known = rows && rows->rows.size() == 1 && rows->rows[0].size() == 1 && rows->rows[0][0];
    return known ? *rows->rows[0][0] : "is not known";
}

Result<> BaseBackup::finish() {
    info_.status = BackupStatus::done;
    info_.remarks[std::string(remark::size)] = std::to_string(bytes_);
    info_.remarks[std::string(remark::stored)] = std::to_string(stored_);
    if (auto gone = outside_.records.remove({prefix_ + std::string(claim_name)}); !gone) return gone;
    const auto text = render(info_);
    return outside_.records.put(backup_info_key(orders_.server, *id_), std::as_bytes(std::span(text)), {});
}

void BaseBackup::record_failure(const Fault& fault) {
    auto failed = info_;
    failed.status = BackupStatus::failed;
    failed.error = fault.text();
    if (failed.begin && !failed.end) failed.begin.reset();  // its segment is not known
    const auto text = render(failed);
    const auto key = backup_info_key(orders_.server, *id_);
    auto recorded = outside_.records.put(key, std::as_bytes(std::span(text)), {});
    if (recorded) {
        const auto aborted = outside_.records.abort_unfinished(prefix_);
        recorded = aborted ? remove_below(outside_.records, prefix_, key) : std::unexpected(aborted.error());
    }
    if (recorded) return;
    log::warning("What a failed backup left in the archive could not be removed; the next expire does",
                 {{"backup", id_->text()}, {"error", recorded.error().text()}});
}

}  // namespace pgbosun::backup
