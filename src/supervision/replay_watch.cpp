#include "supervision/replay_watch.hpp"

namespace pgbosun::supervision {

void ReplayWatch::look(const InstanceStatus& status, Replays how, Instant now) {
    const Lsn replayed = status.lsn.replayed.value_or(Lsn{});
    const bool has_work = status.phase == Phase::running && status.role == Role::standby && how == Replays::at_once &&
                          status.lsn.received && *status.lsn.received > replayed;
    if (!has_work) {
        still_since_.reset();
    } else if (!still_since_ || replayed != replayed_) {
        still_since_ = now;
    }
    replayed_ = replayed;
    paused_ = status.lsn.replay_paused;
}

bool ReplayWatch::stands_still(Instant now) const { return still_since_ && now - *still_since_ >= longest_standstill; }

std::string ReplayWatch::what_is() const {
    const std::string at = to_string(replayed_) + ", with WAL to replay";
    return paused_ ? "replay is paused at " + at : "replay stands still at " + at;
}

void ReplayWatch::judge(InstanceStatus& status, QueryPatience patience, Instant now) const {
    // A record that its primary has not sent to its end before it was gone is never replayed.
    if (!stands_still(now) || !status.lsn.streaming) return;
    status.lsn.replay_stands_still = paused_ || (patience && now - *still_since_ >= *patience);
    if (!status.lsn.replay_stands_still || !status.ready) return;
    status.ready = false;
    status.ready_reason = what_is();
}

void ReplayWatch::explain(InstanceStatus& status, Instant now) const {
    if (!status.reason.empty() || !stands_still(now)) return;
    status.reason = what_is();
    status.hint = paused_ ? "select pg_wal_replay_resume() there, when what it was paused for is over"
                          : "a query here may be in its way (pg_stat_activity, max_standby_streaming_delay), or a disk "
                            "that is slow";
}

}  // namespace pgbosun::supervision
