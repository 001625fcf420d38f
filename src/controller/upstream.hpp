#pragma once
// Decision: whom a standby streams from. The primary, unless the configuration names another standby for it, and that one
// streams itself. In a cluster that follows another one, one member streams from there, and the others from it; by its
// archive, each reads that itself.

#include <string>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

// Empty: the recorded primary. Never in a circle, as long as the configured upstreams are not.
std::string upstream_of(const Knowledge& known, const Policy& policy, const std::string& name, Instant now);

// Who is to stream from the followed cluster; empty: nobody has answered yet.
std::string leader_of_standbys(const Knowledge& known, const Policy& policy, Instant now);

}  // namespace pgbosun::controller
