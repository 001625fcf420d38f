#pragma once
// The health checks of Patroni's REST API, so that HAProxy configurations move over unchanged
// (Patroni's documentation, "Patroni REST API", "Health check endpoints").

#include <cstdint>
#include <optional>
#include <string>

#include "http/probes.hpp"
#include "pgbosun/instance_status.hpp"

namespace pgbosun::http {

enum class RoleCheck {
    primary,         // holds the right to write
    standby_leader,  // streams from the cluster that this one follows
    standby,
    read_only,  // standby or primary
    synchronous,
    asynchronous,
    read_only_synchronous,  // synchronous standby or primary
    health,                 // PostgreSQL is up and answers, whatever its role
};

enum class Tags { none, asked_for };

// Further conditions on a standby, from the query.
struct RoleTerms {
    std::optional<std::uint64_t> max_lag;          // bytes
    std::optional<std::string> replication_state;  // "streaming" or "in archive recovery"
    Tags tags = Tags::none;                        // instances have no tags: none ever matches
};

Finding check_role(RoleCheck check, const InstanceStatus& status, const RoleTerms& terms);

// Why the lag of a standby is more than asked for. Unlike in Patroni an unknown lag is too much.
std::optional<std::string> too_far_behind(const InstanceStatus& status, std::optional<std::uint64_t> max_lag);

}  // namespace pgbosun::http
