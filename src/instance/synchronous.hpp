#pragma once
// Decision: when a primary has taken over a rule of synchronous replication, so that the cluster may rely on
// it.
//
// Setting the parameter is not enough. What was acknowledged before it, under the last rule or by the last
// primary, may be on none of the standbys that the new rule names; a quorum of these must first have all that
// was there by then.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/assignment.hpp"

namespace pgbosun::instance {

// Whose confirmations count when `primary` writes.
std::vector<std::string> counted_standbys(const SynchronousRule& rule, const std::string& primary);

// `since`: the end of WAL when the rule came into force on this primary. `flushed`: what each standby has
// confirmed.
bool taken_over(const SynchronousRule& rule, const std::string& primary, Lsn since,
                const std::map<std::string, Lsn>& flushed);

}  // namespace pgbosun::instance
