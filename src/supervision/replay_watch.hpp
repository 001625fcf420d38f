#pragma once
// Decision: whether a standby's replay stands still although there is WAL to replay. It streams on meanwhile, so that nothing
// else would say it: what is read here gets older and older, and who is to take over would have all of it to replay first.

#include <optional>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::supervision {

// A query may hold replay up for so long by default (max_standby_streaming_delay).
inline constexpr Duration longest_standstill = std::chrono::seconds(30);

enum class Replays { at_once, delayed };  // postgresql.apply_delay

class ReplayWatch {
public:
    void look(const InstanceStatus& status, Replays how, Instant now);
    // Says so of a running standby, where nothing else is said of it.
    void explain(InstanceStatus& status, Instant now) const;

private:
    Lsn replayed_;
    std::optional<Instant> still_since_;  // it has had something to replay
};

}  // namespace pgbosun::supervision
