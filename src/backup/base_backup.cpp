#include "backup/base_backup.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "archive/identity.hpp"
#include "backup/backup_label.hpp"
#include "backup/history_file.hpp"
#include "backup/layout.hpp"
#include "backup/manifest.hpp"
#include "backup/needed_wal.hpp"
#include "backup/page_checksum.hpp"
#include "codec/compressor.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::backup {
namespace {

constexpr Duration for_answer = std::chrono::seconds(60);
constexpr Duration for_checkpoint = std::chrono::hours(2);  // spread over checkpoint_timeout
constexpr std::chrono::seconds between_signs_of_life{5};
constexpr int most_workers = 32;
constexpr std::size_t over_a_part = std::size_t{1} << 20;  // bytes: what a compressor adds at once

}  // namespace

BaseBackup::BaseBackup(BackupOrders orders, BackupOutside outside)
    : orders_(std::move(orders)), outside_(std::move(outside)) {}

Result<BackupInfo> BaseBackup::run() {
    const auto lock = BackupLock::take(orders_.state_directory);
    if (!lock) return std::unexpected(lock.error());
    auto done = prepare();
    if (done) lock->say("backup " + place_->id.text());
    if (done) done = start();
    if (done) done = list_files();
    if (done) done = copy();
    if (done) done = judge_pages();
    if (done) done = write_manifest();
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

Result<Rows> BaseBackup::ask(std::string_view sql, std::vector<Field> parameters) {
    auto rows = outside_.session.query(sql, std::move(parameters), for_answer);
    asked_ = std::chrono::steady_clock::now();
    return rows;
}

void BaseBackup::step(const std::string& step, std::uint64_t done) {
    outside_.report({place_ ? place_->id.text() : "", step, done, plan_.bytes});
}

Result<> BaseBackup::prepare() {
    step("asking the server");
    if (auto set = ask("SET idle_session_timeout = 0"); !set) return std::unexpected(std::move(set.error()));
    const auto rows = ask(server_sql);
    if (!rows) return std::unexpected(rows.error());
    auto server = parse_server(*rows);
    if (!server) return std::unexpected(std::move(server.error()));
    server_ = *std::move(server);
    if (!server_->standby && !server_->archiving) {
        return fail(FaultKind::refused,
                    "the server does not archive its WAL, and a backup without WAL is worth nothing",
                    "set archive in the configuration and restart");
    }
    archive::IdentityCheck identity(outside_.records, orders_.server, orders_.state_directory);
    if (auto ours = identity.check(server_->system_id, server_->timeline); !ours) return ours;
    return choose_id();
}

Result<> BaseBackup::choose_id() {
    auto place = claim_backup(outside_.records, orders_.server, Kind::full, {orders_.instance, std::nullopt});
    if (!place) return std::unexpected(std::move(place.error()));
    place_ = *std::move(place);
    return {};
}

Result<> BaseBackup::start() {
    info_ = begin_info(*server_, orders_);
    step("waiting for a checkpoint");
    const auto rows = outside_.session.query(
        start_sql, {"pgbosun backup " + place_->id.text(), orders_.data.immediate_checkpoint ? "true" : "false"},
        for_checkpoint);
    if (!rows) return std::unexpected(Fault(rows.error()).in("pg_backup_start"));
    const auto started = parse_start(*rows);
    if (!started) return std::unexpected(started.error());
    // The timeline is the label's, which comes at the end.
    info_.begin = WalPosition{started->lsn, {}, started->time};
    return {};
}

Result<> BaseBackup::list_files() {
    step("listing files");
    const auto rows = ask(tablespaces_sql);
    if (!rows) return std::unexpected(rows.error());
    auto tablespaces = parse_tablespaces(*rows);
    if (!tablespaces) return std::unexpected(std::move(tablespaces.error()));
    info_.tablespaces = *std::move(tablespaces);
    for (const auto& tablespace : info_.tablespaces) {
        auto tree = scan(tablespace.location, {server_->version_directory});
        // Dropped since it was asked for: WAL drops it again.
        if (!tree && tree.error().kind == FaultKind::not_found) continue;
        if (!tree) return std::unexpected(std::move(tree.error()).in("tablespace " + tablespace.name));
        roots_.push_back({tablespace, *std::move(tree), {}});
    }
    auto tree = scan(server_->data_directory, {});
    if (!tree) return std::unexpected(std::move(tree.error()));
    for (const auto& path : tree->strange) {
        log::warning("A link or a special file in the data directory is not in the backup", {{"path", path}});
    }
    roots_.push_back({std::nullopt, *std::move(tree), {}});
    std::vector<PlannedTree> trees;
    for (auto& root : roots_) {
        root.copied.resize(root.tree.files.size());
        const auto oid = root.tablespace ? std::optional(root.tablespace->oid) : std::nullopt;
        trees.push_back({&root.tree, oid});
    }
    plan_ = plan_tars(trees, orders_.data.max_parallel);
    return {};
}

Result<> BaseBackup::copy() {
    const int workers = std::clamp(orders_.data.max_parallel, 1, most_workers);
    std::uint64_t largest = 0;
    for (const auto& tar : plan_.tars) largest = std::max(largest, tar.bytes);
    UploadPool pool(workers, 2 * workers, part_bytes_for(largest, orders_.least_part) + over_a_part);
    auto copied = copy_tars(pool);
    if (copied) copied = stop(pool);
    if (copied) step("uploading what is left", plan_.bytes);
    const auto uploaded = pool.wait();
    stored_ = pool.stored();
    // The cause, not what was cancelled because of it.
    if (!uploaded && (copied || copied.error().kind == FaultKind::cancelled)) return uploaded;
    return copied;
}

bool BaseBackup::checks_pages() const { return server_->checksums && server_->block_size == page_size; }

Result<> BaseBackup::copy_tars(UploadPool& pool) {
    TarOrders orders{.prefix = place_->prefix(), .compression = orders_.data.compression, .level = orders_.data.level};
    orders.workers = std::clamp(orders_.data.max_parallel, 1, most_workers);
    orders.max_rate = orders_.data.max_rate;
    orders.least_part = orders_.least_part;
    orders.checks = {info_.begin->lsn, server_->pages_per_segment, checks_pages() ? &survey_ : nullptr};
    struct stat facts{};
    if (::stat(server_->data_directory.c_str(), &facts) != 0) {
        return fail(FaultKind::unavailable, "the data directory " + server_->data_directory + " has gone");
    }
    orders.owner = {facts.st_uid, facts.st_gid};
    TarCopy copying(std::move(orders), roots_, pool, outside_.data);
    step("copying");
    return copying.run(plan_, outside_.stop, [this, &copying] { return still_in_backup(copying.bytes_read()); });
}

// A session that was lost has taken the server out of backup mode: what is copied then is worth nothing.
Result<> BaseBackup::still_in_backup(std::uint64_t bytes_read) {
    step("copying", bytes_read);
    if (std::chrono::steady_clock::now() - asked_ < between_signs_of_life) return {};
    const auto rows = ask("SELECT pg_backend_pid(), pg_is_in_recovery()");
    if (!rows) return std::unexpected(Fault(rows.error()).in("the backup's session was lost"));
    const bool same = rows->rows.size() == 1 && rows->rows[0].size() == 2 && rows->rows[0][0] == server_->backend;
    if (!same) return fail(FaultKind::unavailable, "the backup's session was lost: PostgreSQL has been restarted");
    if (rows->rows[0][1] == (server_->standby ? "t" : "f")) return {};
    return fail(FaultKind::unavailable, "the standby was promoted during the backup", "take another one");
}

Result<> BaseBackup::stop(UploadPool& pool) {
    // After all else: its position says from where on a standby's files are consistent.
    auto control = read_control_file(server_->data_directory);
    if (!control) return std::unexpected(std::move(control.error()));
    auto configuration = outside_configuration();
    if (!configuration) return std::unexpected(std::move(configuration.error()));
    step("ending the backup", plan_.bytes);
    const auto rows = ask(stop_sql);
    if (!rows) return std::unexpected(Fault(rows.error()).in("pg_backup_stop"));
    auto stopped = parse_stop(*rows);
    if (!stopped) return std::unexpected(std::move(stopped.error()));
    const auto label = parse_backup_label(stopped->label);
    if (!label) return std::unexpected(label.error());
    const auto history = history_at(server_->data_directory, stopped->timeline, label->start_timeline);
    if (!history) return std::unexpected(history.error());
    auto wal = needed_wal(label->start_timeline, label->start, *history, stopped->lsn);
    if (!wal) return std::unexpected(std::move(wal.error()));
    wal_ = *std::move(wal);
    info_.timeline = label->start_timeline;
    info_.begin->segment = label->start_file;
    info_.end =
        WalPosition{stopped->lsn, last_segment(stopped->timeline, stopped->lsn, server_->segment_size), stopped->time};
    info_.backup_label = stopped->label;
    survey_.judge_changed(stopped->lsn);

    std::vector<SmallFile> files;
    files.push_back(*std::move(control));
    std::ranges::move(*configuration, std::back_inserter(files));
    files.push_back({.path = "backup_label",
                     .content = stopped->label,
                     .modified = std::chrono::floor<std::chrono::seconds>(stopped->time).time_since_epoch().count()});
    return write_last_tar(pool, std::move(files));
}

Result<std::vector<SmallFile>> BaseBackup::outside_configuration() const {
    std::vector<SmallFile> files;
    for (const auto& path : {server_->config_file, server_->hba_file, server_->ident_file}) {
        if (path.empty() || path.starts_with(server_->data_directory + "/")) continue;
        auto file = read_small_file(path, path.substr(path.rfind('/') + 1));
        if (!file && file.error().kind == FaultKind::not_found) continue;
        if (!file) return std::unexpected(std::move(file.error()));
        files.push_back(*std::move(file));
    }
    return files;
}

Result<> BaseBackup::write_last_tar(UploadPool& pool, std::vector<SmallFile> files) {
    auto compressor = codec::make_compressor(orders_.data.compression, orders_.data.level);
    if (!compressor) return std::unexpected(std::move(compressor.error()));
    const TarName name{std::nullopt, plan_.last_part, archive::encoding_of(orders_.data.compression)};
    PartWriter writer(pool, outside_.data, place_->prefix() + to_string(name), part_bytes_for(0, orders_.least_part));
    TarStream tar(**compressor, writer);
    auto done = tar.begin();
    for (const auto& file : files) {
        if (done)
            done = tar.entry(
                {.path = file.path, .mode = file.mode, .size = file.content.size(), .modified = file.modified});
        if (done) done = tar.append(std::as_bytes(std::span(file.content)));
        if (done) done = tar.end_file();
    }
    small_files_ = std::move(files);
    return done ? tar.finish() : done;
}

}  // namespace pgbosun::backup
