#include "supervision/replay_watch.hpp"

namespace pgbosun::supervision {

void ReplayWatch::look(const InstanceStatus& status, Replays how, Instant now) {
    const Lsn replayed = status.lsn.replayed.value_or(Lsn{});
    const bool has_work = status.phase == Phase::running && status.role == Role::standby && how == Replays::at_once &&
                          !status.lsn.replay_paused && status.lsn.received && *status.lsn.received > replayed;
    if (!has_work) {
        still_since_.reset();
    } else if (!still_since_ || replayed != replayed_) {
        still_since_ = now;
    }
    replayed_ = replayed;
}

void ReplayWatch::explain(InstanceStatus& status, Instant now) const {
    if (!status.reason.empty() || !still_since_ || now - *still_since_ < longest_standstill) return;
    status.reason = "replay stands still at " + to_string(replayed_) + ", with WAL to replay";
    status.hint =
        "a query here may be in its way (pg_stat_activity, max_standby_streaming_delay), or a disk that is slow";
}

}  // namespace pgbosun::supervision
