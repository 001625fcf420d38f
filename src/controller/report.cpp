#include "controller/report.hpp"

#include <algorithm>
#include <limits>

namespace pgbosun::controller {

std::expected<Report, std::string> report_of(const InstanceStatus& status, const std::string& cluster,
                                             const std::string& name) {
    if (status.cluster != cluster) return std::unexpected("it is of the cluster \"" + status.cluster + "\"");
    if (status.instance != name) return std::unexpected("it calls itself \"" + status.instance + "\"");
    if (!status.managed) return std::unexpected("it has no `mode: managed`, and takes no assignments");
    const ManagedStatus& managed = *status.managed;
    Report report;
    report.instance = status.instance;
    report.cluster = status.cluster;
    report.echo = {status.boot_id, status.now};
    report.term = status.term;
    report.accepted = managed.accepted;
    report.first_term = managed.first_term;
    report.primary = managed.primary;
    report.upstream = managed.upstream;
    report.delayed = managed.apply_delay.has_value();
    report.serving = managed.serving;
    report.stopped = managed.stopped;
    report.fenced = status.fenced.has_value();
    report.full = std::ranges::any_of(status.volumes, [](const VolumeStatus& it) { return it.full_since.has_value(); });
    report.able = managed.able;
    report.ending = managed.ending;
    report.streaming = status.lsn.streaming;
    if (status.role == Role::primary) {
        auto& standbys = report.standbys.emplace();
        for (const auto& standby : status.standbys) {
            if (standby.state == "streaming") standbys.push_back(standby.name);
        }
    }
    report.runs_as_standby =
        status.role == Role::standby && status.phase == Phase::running && !status.postgres.silent_since;
    report.reach = managed.reach;
    if (status.role == Role::standby && status.lsn.replayed) {
        const Lsn replayed = *status.lsn.replayed;
        const Lsn known{replayed.value + status.lsn.lag_bytes.value_or(0)};
        report.newest = std::max(known, status.lsn.received.value_or(Lsn{}));
        report.to_replay = managed.reach.lsn > replayed ? managed.reach.lsn.value - replayed.value : 0;
    }
    report.system_id = status.system_id;
    report.promotable_version = managed.promotable_version;
    report.reach_age = managed.reach_age;
    report.synchronous_version = managed.synchronous_version.value_or(std::numeric_limits<std::uint64_t>::max());
    report.promised_for = managed.promised_for;
    report.bound_for = managed.bound_for;
    return report;
}

}  // namespace pgbosun::controller
