#include "supervision/own_metrics.hpp"

#include <string>
#include <utility>

namespace pgbosun::supervision {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

MetricFamily family(std::string name, std::string help, double value, MetricKind kind = MetricKind::gauge) {
    return MetricFamily{std::move(name), std::move(help), kind, {MetricSample{.value = value}}};
}

double truth(bool value) { return value ? 1 : 0; }

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

MetricFamily phase_family(const InstanceStatus& status) {
    MetricFamily result{"pgbosun_phase", "The phase of the instance; 1 for the current one.", MetricKind::gauge, {}};
    for (const Phase phase : {Phase::starting, Phase::bootstrapping, Phase::running, Phase::stopping, Phase::stopped,
                              Phase::fenced, Phase::isolated, Phase::demoting, Phase::promoting, Phase::rejoining,
                              Phase::restarting, Phase::failed}) {
        result.samples.push_back(MetricSample{.labels = Labels{{"phase", std::string(to_string(phase))}},
                                              .value = truth(status.phase == phase)});
    }
    return result;
}

void add_volumes(std::vector<MetricFamily>& families, const InstanceStatus& status) {
    MetricFamily hangs{"pgbosun_volume_hang_seconds", "How long a write to the volume has not returned; 0: it works.",
                       MetricKind::gauge, {}};
    MetricFamily took{"pgbosun_volume_write_seconds", "How long the last write and fsync took.", MetricKind::gauge, {}};
    MetricFamily room{"pgbosun_volume_available_bytes", "Room left on the volume.", MetricKind::gauge, {}};
    MetricFamily size{"pgbosun_volume_size_bytes", "Size of the volume.", MetricKind::gauge, {}};
    for (const auto& volume : status.volumes) {
        const Labels labels{{"volume", volume.name}};
        const double hanging = volume.hangs_since ? seconds(status.now - *volume.hangs_since) : 0;
        hangs.samples.push_back(MetricSample{.labels = labels, .value = hanging});
        took.samples.push_back(MetricSample{.labels = labels, .value = volume.last_write_s});
        room.samples.push_back(MetricSample{.labels = labels, .value = static_cast<double>(volume.available_bytes)});
        size.samples.push_back(MetricSample{.labels = labels, .value = static_cast<double>(volume.total_bytes)});
    }
    for (auto* one : {&hangs, &took, &room, &size}) families.push_back(std::move(*one));
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
    families.push_back(family("pgbosun_archive_backlog", "Files that wait to be archived.",
                              static_cast<double>(report.backlog)));
    families.push_back(family("pgbosun_archive_failing", "1 while archiving fails.", truth(report.failing_since.has_value())));
}

}  // namespace

void add_own_metrics(std::vector<MetricFamily>& families, const InstanceStatus& status, const MonitoredFacts& facts,
                     std::size_t orphans_reaped) {
    families.push_back(phase_family(status));
    families.push_back(family("pgbosun_ready", "1 when the instance should get traffic.", truth(status.ready)));
    families.push_back(family("pgbosun_postgres_running", "1 while a postmaster exists.", truth(status.postgres.pid != 0)));
    families.push_back(family("pgbosun_postgres_silent", "1 while it does not answer queries.",
                              truth(status.postgres.silent_since.has_value())));
    families.push_back(family("pgbosun_postgres_crash_restarts_total", "Restarts after a crash.",
                              status.postgres.restarts, MetricKind::counter));
    families.push_back(family("pgbosun_pending_restart", "1 when a changed parameter waits for a restart.",
                              truth(status.pending_restart)));
    families.push_back(family("pgbosun_orphans_reaped_total", "Adopted processes that were reaped.",
                              static_cast<double>(orphans_reaped), MetricKind::counter));
    families.push_back(family("pgbosun_log_waiting_bytes", "Log output that nobody has read yet.",
                              static_cast<double>(status.log.waiting_bytes)));
    families.push_back(postgres::fencing_on_family(status.fenced ? postgres::Switch::on : postgres::Switch::off));
    families.push_back(postgres::replica_mode_family(postgres::Switch::off));
    add_volumes(families, status);
    if (facts.wal && facts.server) {
        families.push_back(
            postgres::pg_wal_family(*facts.wal, facts.server->wal_segment_size, facts.wal_limits, facts.wal_volume));
    }
    if (facts.archive_status) families.push_back(postgres::archive_status_family(*facts.archive_status));
    if (status.archive) add_archive(families, *status.archive);
}

}  // namespace pgbosun::supervision
