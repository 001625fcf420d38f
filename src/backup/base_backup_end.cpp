#include <algorithm>
#include <tuple>

#include "backup/base_backup.hpp"
#include "backup/layout.hpp"
#include "backup/manifest.hpp"
#include "backup/needed_wal.hpp"
#include "backup/wal_wait.hpp"
#include "codec/compressor.hpp"
#include "codec/crc32c.hpp"
#include "pgbosun/log.hpp"

// The end of a base backup: what is written when all is copied, or when it failed.

namespace pgbosun::backup {
namespace {

constexpr std::size_t manifest_part = std::size_t{8} << 20;  // bytes
constexpr std::size_t most_logged_pages = 20;

WallTime wall_time(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

}  // namespace

Result<> BaseBackup::judge_pages() {
    if (checks_pages()) info_.remarks[std::string(remark::bad_pages)] = std::to_string(survey_.count());
    const auto pages = survey_.named();
    for (std::size_t at = 0; at < std::min(pages.size(), most_logged_pages); ++at) {
        log::error("A page has a wrong checksum", {{"file", pages[at].path}, {"page", pages[at].page}});
    }
    if (survey_.count() == 0 || orders_.data.bad_pages != BadPages::fail) return {};
    const auto first =
        pages.empty() ? std::string() : ", the first is page " + std::to_string(pages[0].page) + " of " + pages[0].path;
    return fail(FaultKind::corrupt, std::to_string(survey_.count()) + " pages have wrong checksums" + first,
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
    PartWriter object(pool, outside_.data, manifest_key(orders_.server, place_->id), manifest_part);
    if (auto begun = (*compressor)->begin(std::nullopt, object.buffer()); !begun) return begun;
    const auto sink = [&](std::string_view piece) -> Result<> {
        auto added = (*compressor)->append(std::as_bytes(std::span(piece)), object.buffer());
        return added ? object.flush() : added;
    };
    ManifestWriter manifest(server_->version >= with_system_id ? 2 : 1, server_->system_id, sink);
    const auto add = [&](const std::string& path, std::uint64_t size, std::int64_t modified, std::uint32_t crc) {
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
    WalWait wait{outside_.records, orders_.server, segments_of(wal_, server_->segment_size), orders_.wal_deadline,
                 outside_.stop};
    if (server_->standby) wait.end_segment = [this] { end_primary_segment(*server_, outside_); };
    wait.last_archived = [this] { return last_archived_wal(*server_, outside_.session); };
    wait.say = [this](const std::string& what) { step(what, plan_.bytes); };
    wait.hint = server_->standby ? "on the primary, see archive_command, archive_timeout and pg_stat_archiver"
                                 : "see archive_command and pg_stat_archiver";
    return backup::wait_for_wal(std::move(wait));
}

Result<> BaseBackup::finish() {
    info_.status = BackupStatus::done;
    info_.remarks[std::string(remark::size)] = std::to_string(bytes_);
    info_.remarks[std::string(remark::stored)] = std::to_string(stored_);
    return record_done(outside_.records, *place_, info_);
}

}  // namespace pgbosun::backup
