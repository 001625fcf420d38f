#pragma once
// Decision: whether this standby is one that its primary waits for, from what the primary's status says. Pure.

#include <optional>
#include <string>

#include "pgbosun/instance_status.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

// So long after the primary has said so it is no longer taken to be so.
inline constexpr Duration longest_sight = std::chrono::seconds(5);

// `said`: the status of who may be the primary. A primary that takes no writes waits for nobody.
bool waits_for(const InstanceStatus& said, const std::string& standby);

class SynchronousSight {
public:
    void note(bool waits, Instant asked_at);
    // It streams from somebody else, or not at all.
    void forget() { since_.reset(); }
    [[nodiscard]] bool holds(Instant now) const { return since_ && now - *since_ < longest_sight; }

private:
    std::optional<Instant> since_;  // when the primary was last asked and said so
};

}  // namespace pgbosun::supervision
