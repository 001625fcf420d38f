// The bootstrap from an archive: bootstrap.recovery, and a clone of a backup.
#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/control_data.hpp"
#include "supervision/bootstrap.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/inspection.hpp"
#include "supervision/job_slot.hpp"
#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_job_line = std::size_t{64} << 10;
constexpr Duration restore_look = 1h;  // only how often the wait is renewed: a restore has no limit

std::string target_text(const RecoverySettings& recovery) {
    const auto& target = recovery.target;
    if (target.time) return "time " + *target.time;
    if (target.lsn) return "LSN " + *target.lsn;
    if (target.xid) return "transaction " + *target.xid;
    if (target.name) return "restore point " + *target.name;
    return target.immediate ? "the first consistent moment" : "the end of the archive";
}

// What the archiver's program ends with (app/exit_code.hpp).
FaultKind kind_of(const ExitStatus& status) {
    if (status.how == ExitStatus::How::killed) return FaultKind::corrupt;
    switch (status.code) {
        case 2:
        case 3: return FaultKind::refused;
        case 4: return FaultKind::unavailable;
        default: return FaultKind::corrupt;
    }
}

}  // namespace

Task<Result<>> Bootstrapper::recover(const Settings& settings) {
    const RecoverySettings& recovery = *settings.bootstrap.recovery;
    const auto empty = co_await own_archive_is_empty(settings, look_at_catalog_);
    if (!empty) co_return empty;
    if (cancelled_) co_return fail(FaultKind::cancelled, "the restore was not started: pgbosun is ending or fenced");
    // There before anything could be started: a recovery that was begun is finished, or fails, as it was told
    // here.
    std::string path = settings.state_directory() + std::string(recovery_marker);
    std::string text = "recovery to " + target_text(recovery) + "\n";
    const auto marked = co_await outside_.files.write_durably(std::move(path), std::move(text));
    if (!marked) co_return marked;
    std::vector<std::string> arguments{"restore", "--bootstrap", "--report", "json"};
    const auto restored = co_await run_restore(std::move(arguments));
    if (!restored) co_return restored;
    path = settings.data_directory() + "/recovery.signal";
    const auto signal = co_await outside_.files.inspect(std::move(path));
    if (signal) co_return Result<>();
    if (signal.error().kind != FaultKind::not_found) co_return std::unexpected(signal.error());
    // Without it the backup would be started as if it were a crashed primary.
    path = settings.data_directory() + "/recovery.signal";
    co_return co_await outside_.files.write_durably(std::move(path), std::string());
}

Task<Bootstrapper::Report> Bootstrapper::clone_backup(const Settings& settings, std::string backup,
                                                      wal::TimelineHistory history) {
    const char* const what = "restore";
    auto result = co_await begin(settings, what, Remover::restore);
    if (result) result = co_await restore_standby(settings, std::move(backup), std::move(history));
    if (result) result = co_await finish(settings);
    progress_.reset();
    if (result) co_return Report{instance::BootstrapOutcome::done, {}, {}};
    co_return Report{instance::BootstrapOutcome::failed, result.error().what, result.error().hint};
}

Task<Result<>> Bootstrapper::restore_standby(const Settings& settings, std::string backup,
                                             wal::TimelineHistory history) {
    if (cancelled_) co_return fail(FaultKind::cancelled, "the restore was not started: pgbosun is ending or fenced");
    std::vector<std::string> arguments{"restore", "--standby", "--backup", std::move(backup), "--report", "json"};
    auto done = co_await run_restore(std::move(arguments));
    if (!done) co_return done;
    done = co_await write_history(settings, std::move(history));
    if (!done) co_return done;
    // Before the marker goes: without this file the backup would start as a primary.
    std::string path = settings.data_directory() + "/standby.signal";
    done = co_await outside_.files.write_durably(std::move(path), std::string());
    if (!done) co_return done;
    co_return co_await remember_archive_clone(outside_.files, settings, ArchiveClone::restored);
}

Task<Bootstrapper::Report> Bootstrapper::clone_source(const Settings& settings, wal::TimelineHistory history) {
    const char* const what = "restore";
    auto result = co_await begin(settings, what, Remover::restore);
    if (result) result = co_await restore_source(settings, std::move(history));
    if (result) result = co_await finish(settings);
    progress_.reset();
    if (result) co_return Report{instance::BootstrapOutcome::done, {}, {}};
    const auto kind = result.error().kind;
    const bool waits = kind == FaultKind::unavailable || kind == FaultKind::refused;
    co_return Report{waits ? instance::BootstrapOutcome::primary_absent : instance::BootstrapOutcome::failed,
                     result.error().what, result.error().hint};
}

Task<Result<>> Bootstrapper::restore_source(const Settings& settings, wal::TimelineHistory history) {
    if (cancelled_) co_return fail(FaultKind::cancelled, "the restore was not started: pgbosun is ending or fenced");
    std::vector<std::string> arguments{"restore", "--bootstrap", "--standby", "--report", "json"};
    auto done = co_await run_restore(std::move(arguments));
    if (!done) co_return done;
    std::string path = settings.data_directory() + "/global/pg_control";
    const auto bytes = co_await outside_.files.read(std::move(path), postgres::control_file_size);
    if (!bytes) co_return std::unexpected(bytes.error());
    const auto control = postgres::parse_control_data(*bytes);
    if (!control) co_return std::unexpected(control.error());
    wal::TimelineHistory of_backup = wal::history_of(history, control->timeline);
    done = co_await write_history(settings, std::move(of_backup));
    if (!done) co_return done;
    // Before the marker goes: without this file the backup would start as a primary.
    path = settings.data_directory() + "/standby.signal";
    co_return co_await outside_.files.write_durably(std::move(path), std::string());
}

// Backups have no history files, and whoever looks at this data at rest asks for its history.
Task<Result<>> Bootstrapper::write_history(const Settings& settings, wal::TimelineHistory history) {
    if (history.timeline == Timeline{1}) co_return Result<>();
    std::string path = settings.data_directory() + "/pg_wal/" + history_file(history.timeline);
    std::string text = wal::render_history(history);
    co_return co_await outside_.files.write_durably(std::move(path), std::move(text));
}

Task<Result<>> Bootstrapper::run_restore(std::vector<std::string> arguments) {
    arguments.emplace_back("--anew");
    ActiveJob job;
    restore_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_job_line);
    const auto started = restore_->start(outside_.archiver.command(std::move(arguments)), [&](std::string_view line) {
        const auto read = outside_.archiver.parse_line(line);
        if (!read) return;
        take_line(job, *read);
        if (!progress_) return;
        progress_->what = "restore: " + job.shown.step;
        progress_->done_bytes = job.shown.done_bytes;
        progress_->total_bytes = job.shown.total_bytes;
    });
    if (!started) {
        restore_.reset();
        co_return std::unexpected(started.error());
    }
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await restore_->wait(restore_look);
    restore_.reset();
    const auto outcome = conclude(job, *ended);
    if (outcome.end == JobEnd::done) {
        log::info("the backup is restored", {{"id", outcome.result.id}, {"detail", outcome.result.detail}});
        co_return Result<>();
    }
    if (cancelled_) co_return fail(FaultKind::cancelled, "the restore was cancelled");
    co_return fail(kind_of(*ended), outcome.result.detail, outcome.result.hint);
}

}  // namespace pgbosun::supervision
