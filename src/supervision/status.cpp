#include "supervision/status.hpp"

#include <algorithm>
#include <utility>

#include "pgbosun/waiting_commits.hpp"
#include "supervision/volume_room.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

Role role_of(const Known& known) {
    if (!instance::has_postmaster(known.state)) return Role::none;
    if (known.facts.server) {
        return known.facts.server->recovery == postgres::Recovery::none ? Role::primary : Role::standby;
    }
    if (!known.inspection || !known.inspection->usable) return Role::none;
    return known.inspection->usable->start == postgres::StartMode::primary ? Role::primary : Role::standby;
}

void add_server(InstanceStatus& status, const Known& known) {
    const auto& server = known.facts.server;
    if (known.inspection && known.inspection->usable) {
        const auto& control = known.inspection->usable->control;
        status.system_id = control.system_id;
        status.timeline = control.timeline;
        status.postgres.checksums = control.data_checksum_version != 0;
    }
    status.postgres.pid = known.postmaster_pid.value_or(0);
    status.postgres.started_at = known.postmaster_since;
    status.postgres.restarts = known.restarts;
    status.postgres.silent_since = known.facts.silent_since;
    status.postgres.silent_reason = known.facts.silent_reason;
    status.postgres.exhausted_since = known.facts.exhausted_since;
    if (!server) return;
    status.postgres.free_connections = server->free_connections;
    status.postgres.version = server->version;
    status.postgres.checksums = server->checksums;
    status.system_id = server->system_id;
    status.timeline = server->timeline;
    status.postgres.run = server->run;
    status.lsn = server->lsn;
    status.lsn.from_archive = server->recovery == postgres::Recovery::standby && known.source != SourceReading::none;
    // What is not archived yet, nobody knows here.
    if (status.lsn.from_archive) {
        status.lsn.lag_bytes.reset();
        if (known.source == SourceReading::at_its_end) status.lsn.lag_bytes = 0;
    }
    status.standbys = server->standbys;
    status.slots = server->slots;
    status.pending_restart = !server->pending_restart.empty();
    status.pending_restart_parameters = server->pending_restart;
    status.facts_at = known.facts.server_at;
}

constexpr std::string_view clients_wait =
    "clients wait: since its start no quorum of the synchronous standbys has been seen to hold all that it holds";

bool waits_for_standbys(const Known& known) {
    const auto& server = known.facts.server;
    return server && server->recovery == postgres::Recovery::none && !server->synchronous_standby_names.empty();
}

bool is_cut_off(const InstanceStatus& status) {
    return status.role == Role::standby && !status.lsn.streaming && !status.lsn.from_archive;
}

void explain(InstanceStatus& status, const Known& known) {
    status.reason = known.reason;
    status.hint = known.hint;
    if (status.fenced && status.phase == Phase::fenced) {
        status.reason = "fenced: " + status.fenced->reason;
        status.hint = "pgbosun unfence lifts it";
    } else if (known.facts.silent_since) {
        status.reason = "PostgreSQL does not answer: " + known.facts.silent_reason;
        status.hint = "see its log, and whether its processes are stopped or wait for a disk";
    } else if (known.facts.exhausted_since) {
        status.reason = "no connection is free: PostgreSQL refuses clients";
        status.hint = "see pg_stat_activity; put a pooler before it, or raise max_connections";
    } else if (status.phase == Phase::running) {
        status.reason.clear();
        status.hint.clear();
        if (known.holds_clients) {
            status.reason = clients_wait;
            status.hint =
                "see whether the standbys run and reach this instance: what it recovered is on none of them, perhaps";
        } else if (waits_for_standbys(known)) {
            status.reason = commits_wait(status.standbys, known.synchronous);
            status.hint = status.reason.empty() ? "" : "start the standbys; see whether they reach this instance";
        }
    }
    const bool streams = status.role == Role::standby && status.lsn.streaming;
    if (status.archive && status.archive->restore_error && !status.fenced && !streams) {
        status.reason = "the archive does not give WAL back: " + *status.archive->restore_error;
        status.hint = "it is tried again by itself; check the archive and the way to it";
    }
    // A server that still runs may say nothing itself; one that does not is waited for, and says why.
    for (const auto& volume : status.volumes) {
        if (!volume.full_since || status.phase != Phase::running) continue;
        status.reason = "the " + volume.name + " volume is full: " + std::to_string(volume.available_bytes / 1024) +
                        " kB left of " + std::to_string(volume.total_bytes / 1024) + " kB";
        status.hint = "make room on " + volume.path + ", or enlarge it";
    }
    for (const auto& volume : status.volumes) {
        if (!volume.hangs_since && !volume.error) continue;
        status.reason = "the " + volume.name + " volume " +
                        (volume.hangs_since ? "hangs: a write has not returned" : "fails: " + *volume.error);
        status.hint = "check the storage behind " + volume.path;
    }
}

// Why it should not get traffic; empty: it should.
std::string unready(const InstanceStatus& status, const Known& known) {
    const ProbeSettings& probes = known.settings.probes;
    if (status.phase != Phase::running && status.phase != Phase::promoting) {
        std::string why = "the phase is " + std::string(to_string(status.phase));
        return status.reason.empty() ? why : why + ": " + status.reason;
    }
    for (const auto& volume : status.volumes) {
        if (volume.hangs_since || volume.error) return status.reason;
    }
    if (status.postgres.silent_since) return status.reason;
    if (!status.facts_at) return "PostgreSQL has not answered yet";
    if (known.holds_clients) return status.reason;
    if (status.role != Role::standby) return takes_no_data(status) ? status.reason : "";
    if (probes.ready == ReadyStrategy::streaming && is_cut_off(status)) return "the standby is not streaming";
    if (probes.max_lag_bytes && !status.lsn.lag_bytes) return "how far the standby lags is not known";
    if (probes.max_lag_bytes && *status.lsn.lag_bytes > *probes.max_lag_bytes) {
        return "the standby lags by " + std::to_string(*status.lsn.lag_bytes) + " bytes, more than " +
               std::to_string(*probes.max_lag_bytes);
    }
    return {};
}

bool has_started(const InstanceStatus& status, const Known& known) {
    switch (known.settings.probes.startup) {
        case StartupStrategy::started: return known.facts.came_up_once;
        case StartupStrategy::query:
            return known.facts.came_up_once && status.facts_at && !status.postgres.silent_since;
        case StartupStrategy::streaming:
            return known.facts.came_up_once &&
                   (status.role == Role::primary || status.lsn.streaming || status.lsn.from_archive);
    }
    std::unreachable();
}

// Liveness is not about PostgreSQL: a server that runs is never given up for it.
void judge_liveness(InstanceStatus& status, const Known& known) {
    if (!known.shortage || known.postmaster_pid || known.now - known.shortage->since < longest_shortage) return;
    status.live = false;
    status.live_reason = "no process can be started: " + known.shortage->why;
}

// While it recovers to its target there is no other progress to show.
void add_recovery(InstanceStatus& status, const Known& known) {
    if (!known.state.recovering || !instance::has_postmaster(known.state)) return;
    std::string what = "recovering";
    if (status.lsn.replayed) what += ", replayed to " + to_string(*status.lsn.replayed);
    status.progress = ProgressStatus{std::move(what), 0, 0, known.postmaster_since};
}

}  // namespace

void explain_cut_off(InstanceStatus& status) {
    const bool told = !status.reason.empty() || status.phase != Phase::running || !status.facts_at;
    if (told || !is_cut_off(status)) return;
    status.reason = "the standby is not streaming";
    status.hint =
        "the primary is gone, or the network, a password or pg_hba keeps it away: PostgreSQL's log says which";
}

InstanceStatus assemble(const Known& known) {
    InstanceStatus status;
    status.instance = known.settings.instance;
    status.cluster = known.settings.cluster;
    status.version = PGBOSUN_VERSION;
    status.boot_id = known.boot_id;
    status.now = known.now;
    status.phase = instance::phase_of(known.state);
    status.role = role_of(known);
    if (known.state.desired.fence != instance::Fence::off) {
        status.fenced = known.fence.value_or(FenceStatus{"being fenced", ""});
    }
    status.volumes = known.volumes;
    status.log = known.log;
    status.archive = known.archive;
    status.progress = known.progress;
    add_server(status, known);
    add_recovery(status, known);
    explain(status, known);
    judge_liveness(status, known);
    status.ready_reason = unready(status, known);
    status.ready = status.ready_reason.empty();
    status.started = known.started || has_started(status, known);
    return status;
}

namespace {

// Of the server that runs now; its facts are a second old at most.
std::optional<FlushedWal> wal_to_ship(const InstanceStatus& status, const Settings& settings) {
    const bool wanted = settings.archive && settings.archive->stream != Duration::zero();
    if (!wanted || !status.lsn.flushed || !status.timeline || status.postgres.run == 0) return std::nullopt;
    return FlushedWal{*status.lsn.flushed, *status.timeline, status.postgres.run};
}

}  // namespace

ArchiveOrder archive_order(const InstanceStatus& status, const Settings& settings,
                           const std::optional<Inspection>& inspection) {
    ArchiveOrder order;
    order.data_directory = settings.data_directory();
    order.system_id = status.system_id;
    order.promoting = status.phase == Phase::promoting;
    order.stopping =
        status.phase == Phase::stopping || status.phase == Phase::restarting || status.phase == Phase::demoting;
    if (inspection && inspection->usable) order.wal_segment_size = inspection->usable->control.wal_segment_size;
    if (status.fenced) {
        order.reason = "the instance is fenced";
    } else if (!status.system_id) {
        order.reason = "the data directory is not known yet";
    } else if (status.role == Role::none) {
        order.reason = "PostgreSQL is not running";
    } else if (status.role == Role::standby) {
        order.reason = "a standby does not archive";
    } else if (status.managed && (!status.valid_until || *status.valid_until <= status.now)) {
        order.reason = "the instance has no right to write";
    } else {
        // Also while it is being demoted, as long as its postmaster lives: the segments that only it has must reach
        // the archive before it follows somebody else, for standbys mark what they streamed as archived.
        order.may_archive = true;
        order.wal = wal_to_ship(status, settings);
    }
    return order;
}

void explain_archive(InstanceStatus& status, const Settings& settings, const std::optional<Inspection>& inspection) {
    status.archive_refused.reset();
    if (!settings.archive) return;
    auto order = archive_order(status, settings, inspection);
    if (!order.may_archive) status.archive_refused = std::move(order.reason);
}

}  // namespace pgbosun::supervision
