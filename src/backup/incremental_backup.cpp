#include "backup/incremental_backup.hpp"

#include <algorithm>
#include <charconv>

#include "archive/decoded_object.hpp"
#include "archive/identity.hpp"
#include "backup/backup_chain.hpp"
#include "backup/backup_label.hpp"
#include "backup/backup_lock.hpp"
#include "backup/history_file.hpp"
#include "backup/needed_wal.hpp"
#include "backup/parent_choice.hpp"
#include "backup/wal_wait.hpp"
#include "codec/compressor.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::backup {
namespace {

constexpr Duration for_answer = std::chrono::seconds(60);
constexpr int zstd_level = 3;  // of the manifest
constexpr int upload_threads = 4;
constexpr int most_warnings = 20;                                   // in the log
constexpr std::size_t over_a_part = std::size_t{1} << 20;           // bytes: what a compressor adds at once
constexpr std::uint64_t between_reports = std::uint64_t{16} << 20;  // bytes

}  // namespace

// What the server streams goes to the archive.
class IncrementalBackup::Visitor final : public BackupStreamVisitor {
public:
    Visitor(IncrementalBackup& job, UploadPool& pool, codec::Compressor& tars, codec::Compressor& manifest)
        : job_(job), pool_(pool), tar_compressor_(tars), manifest_compressor_(manifest),
          orders_{job.place_->prefix(), job.orders_.data.compression,
                  std::chrono::floor<std::chrono::seconds>(job.info_.begin->time).time_since_epoch().count()} {}

    Result<> begin(Lsn start, Timeline timeline) override {
        job_.info_.begin->lsn = start;
        job_.info_.timeline = timeline;
        job_.step("copying");
        return {};
    }

    Result<> tar(const std::string& name) override {
        if (auto ended = end_tar(); !ended) return ended;
        std::optional<std::uint32_t> tablespace;
        if (name != "base.tar") {
            std::uint32_t oid = 0;
            const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), oid);
            if (error != std::errc{} || std::string_view(end) != ".tar") {
                return fail(FaultKind::corrupt, "PostgreSQL sent a tar named " + name);
            }
            if (std::ranges::find(job_.info_.tablespaces, oid, &Tablespace::oid) == job_.info_.tablespaces.end()) {
                return fail(FaultKind::unavailable, "a tablespace was made meanwhile", "take the backup again");
            }
            tablespace = oid;
        }
        tar_.emplace(orders_, tablespace, tar_compressor_, pool_, job_.outside_.data);
        return {};
    }

    Result<> manifest() override {
        if (auto ended = end_tar(); !ended) return ended;
        if (manifest_) return fail(FaultKind::corrupt, "PostgreSQL sent two manifests");
        const auto& place = *job_.place_;
        manifest_.emplace(pool_, job_.outside_.data, manifest_key(place.server, place.id, place.kind), streamed_part);
        return manifest_compressor_.begin(std::nullopt, manifest_->buffer());
    }

    Result<> content(std::span<const std::byte> piece) override {
        if (manifest_) {
            auto added = manifest_compressor_.append(piece, manifest_->buffer());
            return added ? manifest_->flush() : added;
        }
        if (!tar_) return fail(FaultKind::corrupt, "PostgreSQL sent content of no file");
        if (auto fed = tar_->feed(piece); !fed) return fed;
        if (bytes() >= reported_ + between_reports) {
            reported_ = bytes();
            job_.step("copying", reported_);
        }
        return {};
    }

    void warning(const std::string& text) override {
        if (warnings_++ < most_warnings) log::warning("PostgreSQL warns during the backup", {{"message", text}});
    }

    Result<> finish() {
        if (!manifest_ || label_.empty() || !has_control_file_) {
            return fail(FaultKind::corrupt, "PostgreSQL sent a backup that is not whole");
        }
        if (auto ended = manifest_compressor_.finish(manifest_->buffer()); !ended) return ended;
        if (auto flushed = manifest_->flush(); !flushed) return flushed;
        return manifest_->finish();
    }

    [[nodiscard]] std::uint64_t bytes() const { return ended_bytes_ + (tar_ ? tar_->bytes() : 0); }
    [[nodiscard]] const std::string& label() const { return label_; }

private:
    Result<> end_tar() {
        if (!tar_) return {};
        if (auto finished = tar_->finish(); !finished) return finished;
        ended_bytes_ += tar_->bytes();
        if (!tar_->label().empty()) label_ = tar_->label();
        has_control_file_ = has_control_file_ || tar_->has_control_file();
        tar_.reset();
        return {};
    }

    IncrementalBackup& job_;
    UploadPool& pool_;
    codec::Compressor& tar_compressor_;
    codec::Compressor& manifest_compressor_;
    const StreamedTarOrders orders_;
    std::optional<StreamedTar> tar_;
    std::optional<PartWriter> manifest_;
    std::string label_;
    bool has_control_file_ = false;
    int warnings_ = 0;
    std::uint64_t ended_bytes_ = 0, reported_ = 0;
};

IncrementalBackup::IncrementalBackup(BackupOrders orders, BackupOutside outside, BackupStream& stream)
    : orders_(std::move(orders)), outside_(std::move(outside)), stream_(stream) {}

Result<BackupInfo> IncrementalBackup::run() {
    const auto lock = BackupLock::take(orders_.state_directory);
    if (!lock) return std::unexpected(lock.error());
    auto done = prepare();
    if (done) lock->say("backup " + place_->id.text());
    if (done) done = copy();
    if (done) done = wait_for_wal();
    if (done) done = finish();
    outside_.session.close();
    if (done) return info_;
    // What failed because it was to stop, was cancelled.
    auto fault = outside_.stop.stop_requested() ? Fault{FaultKind::cancelled, "the backup was cancelled", {}}
                                                : std::move(done.error());
    if (place_) record_failure(outside_.records, *place_, info_, fault);
    return std::unexpected(std::move(fault));
}

Result<Rows> IncrementalBackup::ask(std::string_view sql) { return outside_.session.query(sql, {}, for_answer); }

void IncrementalBackup::step(const std::string& step, std::uint64_t done) {
    outside_.report({place_ ? place_->id.text() : "", step, done, 0});
}

Result<WallTime> IncrementalBackup::server_time() {
    const auto rows = ask(time_sql);
    if (!rows) return std::unexpected(rows.error());
    return parse_time(*rows);
}

Result<> IncrementalBackup::prepare() {
    step("asking the server");
    if (auto set = ask("SET idle_session_timeout = 0"); !set) return std::unexpected(std::move(set.error()));
    const auto rows = ask(server_sql);
    if (!rows) return std::unexpected(rows.error());
    auto server = parse_server(*rows);
    if (!server) return std::unexpected(std::move(server.error()));
    server_ = *std::move(server);
    archive::IdentityCheck identity(outside_.records, orders_.server, orders_.state_directory);
    if (auto ours = identity.check(server_->system_id, server_->timeline); !ours) return ours;
    if (!server_->standby && !server_->archiving) return no_incremental("the server does not archive its WAL", "");
    const auto backups = Catalog(outside_.records, orders_.server).list();
    if (!backups) return std::unexpected(backups.error());
    auto parent = choose_parent(*backups, *server_);
    if (!parent) return std::unexpected(std::move(parent.error()));
    const auto manifest = outside_.records.head(manifest_key(orders_.server, parent->id, parent->kind));
    if (!manifest && manifest.error().kind == FaultKind::not_found) {
        return no_incremental("backup " + parent->id.text() + " has no manifest", "a full one comes first");
    }
    if (!manifest) return std::unexpected(manifest.error());
    parent_ = *std::move(parent);
    auto place = claim_backup(outside_.records, orders_.server, Kind::incremental, {orders_.instance, parent_->id});
    if (!place) return std::unexpected(std::move(place.error()));
    place_ = *std::move(place);
    return {};
}

Result<> IncrementalBackup::copy() {
    const auto began = server_time();
    if (!began) return std::unexpected(began.error());
    const auto rows = ask(tablespaces_sql);
    if (!rows) return std::unexpected(rows.error());
    auto tablespaces = parse_tablespaces(*rows);
    if (!tablespaces) return std::unexpected(std::move(tablespaces.error()));
    info_ = begin_info(*server_, orders_);
    info_.remarks[std::string(remark::parent)] = parent_->id.text();
    info_.tablespaces = *std::move(tablespaces);
    info_.begin = WalPosition{{}, {}, *began};

    auto tars = codec::make_compressor(orders_.data.compression, orders_.data.level);
    if (!tars) return std::unexpected(std::move(tars.error()));
    auto small = codec::make_compressor(Compression::zstd, zstd_level);
    if (!small) return std::unexpected(std::move(small.error()));
    UploadPool pool(upload_threads, 2 * upload_threads, streamed_part + over_a_part);
    Result<> copied;
    {
        Visitor visitor(*this, pool, **tars, **small);
        step("waiting for a checkpoint");
        const BackupStreamOrders orders{"pgbosun backup " + place_->id.text(), orders_.data.immediate_checkpoint,
                                        orders_.data.bad_pages == BadPages::fail ? PageChecking::on : PageChecking::off,
                                        orders_.data.max_rate};
        const auto end = stream_.incremental(
            orders, [this](const BackupStream::Sink& sink) { return feed_manifest(sink); }, visitor);
        copied = end ? visitor.finish() : std::unexpected(Fault(end.error()).in("BASE_BACKUP"));
        bytes_ = visitor.bytes();
        if (copied) copied = close(*end, visitor.label());
    }
    if (copied) step("uploading what is left", bytes_);
    const auto uploaded = pool.wait();
    stored_ = pool.stored();
    // The cause, not what was cancelled because of it.
    if (!uploaded && (copied || copied.error().kind == FaultKind::cancelled)) return uploaded;
    return copied;
}

Result<> IncrementalBackup::feed_manifest(const BackupStream::Sink& sink) {
    bool begun = false, again = false;
    const auto put = [&](std::span<const std::byte> piece) -> Result<> {
        if (again) return fail(FaultKind::unavailable, "the store broke off within the parent's manifest");
        begun = true;
        return sink(piece);
    };
    return archive::read_decoded(outside_.data, manifest_key(orders_.server, parent_->id, parent_->kind),
                                 archive::Encoding::zstd, longest_manifest, put, [&] { again = begun; });
}

Result<> IncrementalBackup::close(const BackupStreamEnd& end, const std::string& text) {
    const auto label = parse_backup_label(text);
    if (!label) return std::unexpected(label.error());
    const auto& parent = *parent_->info;
    // pg_combinebackup would refuse the chain when it is needed.
    if (label->incremental_from != parent.begin->lsn || label->incremental_timeline != parent.timeline) {
        return fail(FaultKind::corrupt, "the backup that the server made does not build on " + parent_->id.text());
    }
    const auto ended = server_time();
    if (!ended) return std::unexpected(ended.error());
    const auto history = history_at(server_->data_directory, end.timeline, label->start_timeline);
    if (!history) return std::unexpected(history.error());
    auto wal = needed_wal(label->start_timeline, label->start, *history, end.lsn);
    if (!wal) return std::unexpected(std::move(wal.error()));
    wal_ = *std::move(wal);
    info_.timeline = label->start_timeline;
    info_.begin->lsn = label->start;
    info_.begin->segment = label->start_file;
    info_.end = WalPosition{end.lsn, last_segment(end.timeline, end.lsn, server_->segment_size), *ended};
    info_.backup_label = text;
    return {};
}

Result<> IncrementalBackup::wait_for_wal() {
    WalWait wait{outside_.records, orders_.server, segments_of(wal_, server_->segment_size), orders_.wal_deadline,
                 outside_.stop};
    if (server_->standby) wait.end_segment = [this] { end_primary_segment(*server_, outside_); };
    wait.last_archived = [this] { return last_archived_wal(*server_, outside_.session); };
    wait.say = [this](const std::string& what) { step(what, bytes_); };
    wait.hint = "see archive_command, archive_timeout and pg_stat_archiver of the primary";
    return backup::wait_for_wal(std::move(wait));
}

// Barman, or somebody with --force, may have removed what it builds on.
Result<> IncrementalBackup::check_parent() {
    const auto backups = Catalog(outside_.records, orders_.server).list();
    if (!backups) return std::unexpected(backups.error());
    const auto chain = chain_of(*backups, {.id = place_->id, .kind = Kind::incremental, .info = info_});
    if (chain) return {};
    return fail(FaultKind::unavailable, chain.error().what + " any more", "take the backup again");
}

Result<> IncrementalBackup::finish() {
    info_.status = BackupStatus::done;
    info_.remarks[std::string(remark::size)] = std::to_string(bytes_);
    info_.remarks[std::string(remark::stored)] = std::to_string(stored_);
    if (auto there = check_parent(); !there) return there;
    return record_done(outside_.records, *place_, info_);
}

}  // namespace pgbosun::backup
