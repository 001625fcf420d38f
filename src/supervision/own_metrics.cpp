#include "supervision/own_metrics.hpp"

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

using Labels = std::vector<std::pair<std::string, std::string>>;

MetricFamily family(std::string name, std::string help, double value, MetricKind kind = MetricKind::gauge) {
    return MetricFamily{std::move(name), std::move(help), kind, {MetricSample{.value = value}}};
}

double truth(bool value) { return value ? 1 : 0; }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

MetricFamily phase_family(const InstanceStatus& status) {
    MetricFamily result{"pgbosun_phase", "The phase of the instance; 1 for the current one.", MetricKind::gauge, {}};
    for (const Phase phase :
         {Phase::starting, Phase::bootstrapping, Phase::running, Phase::stopping, Phase::stopped, Phase::fenced,
          Phase::isolated, Phase::demoting, Phase::promoting, Phase::rejoining, Phase::restarting, Phase::failed}) {
        result.samples.push_back(MetricSample{.labels = Labels{{"phase", std::string(to_string(phase))}},
                                              .value = truth(status.phase == phase)});
    }
    return result;
}

void add_volumes(std::vector<MetricFamily>& families, const InstanceStatus& status) {
    MetricFamily hangs{"pgbosun_volume_hang_seconds",
                       "How long a write to the volume has not returned; 0: it works.",
                       MetricKind::gauge,
                       {}};
    MetricFamily fails{
        "pgbosun_volume_failing", "1 while writes to the volume return an error.", MetricKind::gauge, {}};
    MetricFamily full{"pgbosun_volume_full", "1 while no room is left on the volume.", MetricKind::gauge, {}};
    MetricFamily took{"pgbosun_volume_write_seconds", "How long the last write and fsync took.", MetricKind::gauge, {}};
    MetricFamily room{"pgbosun_volume_available_bytes", "Room left on the volume.", MetricKind::gauge, {}};
    MetricFamily size{"pgbosun_volume_size_bytes", "Size of the volume.", MetricKind::gauge, {}};
    for (const auto& volume : status.volumes) {
        const Labels labels{{"volume", volume.name}};
        const double hanging = volume.hangs_since ? seconds(status.now - *volume.hangs_since) : 0;
        hangs.samples.push_back(MetricSample{.labels = labels, .value = hanging});
        fails.samples.push_back(MetricSample{.labels = labels, .value = truth(volume.error.has_value())});
        full.samples.push_back(MetricSample{.labels = labels, .value = truth(volume.full_since.has_value())});
        took.samples.push_back(MetricSample{.labels = labels, .value = volume.last_write_s});
        room.samples.push_back(MetricSample{.labels = labels, .value = static_cast<double>(volume.available_bytes)});
        size.samples.push_back(MetricSample{.labels = labels, .value = static_cast<double>(volume.total_bytes)});
    }
    for (auto* one : {&hangs, &fails, &full, &took, &room, &size}) families.push_back(std::move(*one));
}

// "2026-11-21T01:00:00.000Z" as seconds since the epoch; 0: there is none, as CloudNativePG says it.
double epoch(const std::optional<std::string>& time) {
    if (!time) return 0;
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
    if (std::sscanf(time->c_str(), "%4d-%2u-%2uT%2u:%2u:%2u", &year, &month, &day, &hour, &minute, &second) != 6)
        return 0;
    using namespace std::chrono;
    const sys_days date = year_month_day(std::chrono::year(year), std::chrono::month(month), std::chrono::day(day));
    return static_cast<double>(date.time_since_epoch() / 1s) + hour * 3600.0 + minute * 60.0 + second;
}

void add_archive(std::vector<MetricFamily>& families, const ArchiveReport& report) {
    const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
        families.push_back(family(name, help, static_cast<double>(value), MetricKind::counter));
    };
    counter("pgbosun_archive_files_total", "Files archived since the archiver started.", report.archived);
    counter("pgbosun_archive_bytes_total", "Their size before compression.", report.archived_bytes);
    counter("pgbosun_archive_stored_bytes_total", "Their size as stored.", report.stored_bytes);
    counter("pgbosun_archive_failures_total", "Attempts to archive that failed.", report.failures);
    counter("pgbosun_restore_files_total", "Files given back by restore_command.", report.restored);
    families.push_back(
        family("pgbosun_archive_backlog", "Files that wait to be archived.", static_cast<double>(report.backlog)));
    families.push_back(
        family("pgbosun_archive_failing", "1 while archiving fails.", truth(report.failing_since.has_value())));
    families.push_back(family("pgbosun_archive_failing_since_timestamp",
                              "Since when archiving fails; 0: it does not. Why: /v1/status.",
                              epoch(report.failing_since)));
    families.push_back(family("pgbosun_restore_failing_since_timestamp",
                              "Since when restore_command waits for an archive that fails; 0: it does not.",
                              epoch(report.restore_failing_since)));
}

void add_backups(std::vector<MetricFamily>& families, const InstanceStatus& status) {
    const BackupsStatus& backup = status.backup;
    const auto gauge = [&](const char* name, const char* help, double value) {
        families.push_back(family(name, help, value));
    };
    const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
        families.push_back(family(name, help, static_cast<double>(value), MetricKind::counter));
    };
    gauge("cnpg_collector_first_recoverability_point",
          "The first moment that can be recovered, without a hole to the newest WAL; 0: there is none.",
          epoch(backup.first_recoverable_at));
    gauge("cnpg_collector_last_available_backup_timestamp", "When the newest backup was done; 0: there is none.",
          epoch(backup.last_at));
    gauge("cnpg_collector_last_failed_backup_timestamp", "When a backup failed last; 0: never.",
          epoch(backup.last_failed_at));
    gauge("pgbosun_backup_running", "1 while a backup runs.", truth(backup.running.has_value()));
    gauge("pgbosun_backup_running_bytes", "What it has read so far.",
          backup.running ? static_cast<double>(backup.running->done_bytes) : 0);
    gauge("pgbosun_backup_last_seconds", "How long the last backup of this instance took.",
          backup.last_seconds.value_or(0));
    gauge("pgbosun_backup_last_bytes", "Size of its files.", static_cast<double>(backup.last_bytes.value_or(0)));
    gauge("pgbosun_backup_last_stored_bytes", "Its size as stored.",
          static_cast<double>(backup.last_stored_bytes.value_or(0)));
    counter("pgbosun_backup_taken_total", "Backups that this instance has taken since pgbosun started.", backup.taken);
    counter("pgbosun_backup_failed_total", "Backups of this instance that failed.", backup.failed);
    gauge("pgbosun_backup_count", "Backups in the archive.", static_cast<double>(backup.count.value_or(0)));
    gauge("pgbosun_backup_next_timestamp", "When the next one is due by schedule; 0: none is.", epoch(backup.next_at));
    gauge("pgbosun_archive_holes", "Holes in the archive's WAL after the oldest backup.",
          static_cast<double>(backup.hole_count));
    gauge("pgbosun_catalog_failing", "1 while the archive's catalog cannot be read.",
          truth(backup.catalog_error.has_value()));
    gauge("pgbosun_catalog_age_seconds", "How old what is known of the archive's catalog is; -1: it was never read.",
          backup.looked_at ? seconds(status.now - *backup.looked_at) : -1);
}

void add_drill(std::vector<MetricFamily>& families, const DrillStatus& drill) {
    const auto gauge = [&](const char* name, const char* help, double value) {
        families.push_back(family(name, help, value));
    };
    gauge("pgbosun_drill_running", "1 while a recovery is rehearsed.", truth(drill.running.has_value()));
    gauge("pgbosun_drill_last_timestamp", "When the last drill ended; 0: there was none.", epoch(drill.last_at));
    gauge("pgbosun_drill_last_success", "1 when it succeeded.", truth(drill.last_ok.value_or(false)));
    gauge("pgbosun_drill_last_success_timestamp", "When a drill succeeded last; 0: never.", epoch(drill.last_ok_at));
    gauge("pgbosun_drill_recovery_seconds", "How long the recovery of that one took.", drill.recovery_s.value_or(0));
    gauge("pgbosun_drill_next_timestamp", "When the next one is due by schedule; 0: none is.", epoch(drill.next_at));
}

}  // namespace

void add_own_metrics(std::vector<MetricFamily>& families, const InstanceStatus& status, const MonitoredFacts& facts,
                     std::size_t orphans_reaped) {
    families.push_back(phase_family(status));
    families.push_back(family("pgbosun_ready", "1 when the instance should get traffic.", truth(status.ready)));
    families.push_back(
        family("pgbosun_postgres_running", "1 while a postmaster exists.", truth(status.postgres.pid != 0)));
    families.push_back(family("pgbosun_postgres_silent", "1 while it does not answer queries.",
                              truth(status.postgres.silent_since.has_value())));
    families.push_back(family("pgbosun_postgres_connections_exhausted", "1 while no connection is free for users.",
                              truth(status.postgres.exhausted_since.has_value())));
    families.push_back(family("pgbosun_postgres_crash_restarts_total", "Restarts after a crash.",
                              status.postgres.restarts, MetricKind::counter));
    families.push_back(family("pgbosun_pending_restart", "1 when a changed parameter waits for a restart.",
                              truth(status.pending_restart)));
    families.push_back(family("pgbosun_orphans_reaped_total", "Adopted processes that were reaped.",
                              static_cast<double>(orphans_reaped), MetricKind::counter));
    families.push_back(family("pgbosun_log_waiting_bytes", "Log output that nobody has read yet.",
                              static_cast<double>(status.log.waiting_bytes)));
    families.push_back(family("pgbosun_log_lost_total", "Log lines that nobody can read any more.",
                              static_cast<double>(status.log.lost_lines), MetricKind::counter));
    families.push_back(postgres::fencing_on_family(status.fenced ? postgres::Switch::on : postgres::Switch::off));
    const bool follows = status.managed && status.managed->primary == source_name;
    families.push_back(postgres::replica_mode_family(follows ? postgres::Switch::on : postgres::Switch::off));
    add_volumes(families, status);
    if (facts.wal && facts.server) {
        families.push_back(
            postgres::pg_wal_family(*facts.wal, facts.server->wal_segment_size, facts.wal_limits, facts.wal_volume));
    }
    if (facts.archive_status) families.push_back(postgres::archive_status_family(*facts.archive_status));
    if (status.archive) {
        add_archive(families, *status.archive);
        add_backups(families, status);
        add_drill(families, status.drill);
    }
}

}  // namespace pgbosun::supervision
