#pragma once
// Decision: whom a standby streams from. The primary, unless the configuration names another standby for it, and that one
// streams itself; or it is the candidate of a failover, and lacks what another one holds. In a cluster that follows another one, one member streams from there, and the others from it; by its
// archive, each reads that itself.

#include <string>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

// Empty: the recorded primary. Never in a circle, as long as the configured upstreams are not; but the candidate of a failover
// may stream from who is configured to stream from it, for the moments in which nobody has anything new.
std::string upstream_of(const Knowledge& known, const Policy& policy, const std::string& name, Instant now);

// Who is to stream from the followed cluster; empty: nobody has answered yet.
std::string leader_of_standbys(const Knowledge& known, const Policy& policy, Instant now);

}  // namespace pgbosun::controller
