#pragma once
// Decision: whether a standby's replay stands still although there is WAL to replay. It streams on meanwhile, so that nothing
// else would say it: what is read here gets older and older, and who is to take over would have all of it to replay first.

#include <optional>
#include <string>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::supervision {

// A query may hold replay up for so long by default (max_standby_streaming_delay).
inline constexpr Duration longest_standstill = std::chrono::seconds(30);

enum class Replays { at_once, delayed };  // postgresql.apply_delay

// For how long queries may hold replay up, as PostgreSQL is configured; none: for ever.
using QueryPatience = std::optional<Duration>;

class ReplayWatch {
public:
    void look(const InstanceStatus& status, Replays how, Instant now);
    // Takes a standby that streams for unready, unless queries may hold it up for so long by the configuration.
    void judge(InstanceStatus& status, QueryPatience patience, Instant now) const;
    // Says so of a running standby, where nothing else is said of it.
    void explain(InstanceStatus& status, Instant now) const;

private:
    [[nodiscard]] bool stands_still(Instant now) const;
    [[nodiscard]] std::string what_is() const;

    Lsn replayed_;
    bool paused_ = false;
    std::optional<Instant> still_since_;  // it has had something to replay
};

}  // namespace pgbosun::supervision
