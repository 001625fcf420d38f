#include "http/role_checks.hpp"

#include <utility>

namespace pgbosun::http {
namespace {

// None: it is so. Else why not.
using Objection = std::optional<std::string>;

std::string with_reason(std::string text, const InstanceStatus& status) {
    if (!status.reason.empty()) text.append(": ").append(status.reason);
    return text;
}

Objection not_running(const InstanceStatus& status) {
    if (status.fenced) return "fenced: " + status.fenced->reason;
    if (status.phase == Phase::running) return std::nullopt;
    return with_reason("phase " + std::string(to_string(status.phase)), status);
}

Objection not_answering(const InstanceStatus& status) {
    if (auto objection = not_running(status)) return objection;
    if (!status.postgres.silent_since) return std::nullopt;
    return "PostgreSQL does not answer: " + status.postgres.silent_reason;
}

// As in Patroni, a primary that does not answer keeps its role: moving clients away is the controller's decision.
Objection not_primary(const InstanceStatus& status) {
    if (auto objection = not_running(status)) return objection;
    if (status.role != Role::primary) return "role " + std::string(to_string(status.role));
    if (status.valid_until && status.now >= *status.valid_until) return "the right to write has run out";
    if (status.managed && !status.valid_until) return "a controller has given no right to write";
    if (status.managed && status.managed->holds_clients)
        return with_reason("clients wait for synchronous standbys", status);
    return std::nullopt;
}

Objection not_standby(const InstanceStatus& status, const RoleTerms& terms) {
    if (auto objection = not_answering(status)) return objection;
    if (status.role != Role::standby) return "role " + std::string(to_string(status.role));
    if (terms.tags == Tags::asked_for) return "this instance has no tags";
    const std::string_view state = status.lsn.streaming ? "streaming" : "in archive recovery";
    if (terms.replication_state && *terms.replication_state != state) return "replication is " + std::string(state);
    if (status.lsn.replay_stands_still) return "replay stands still";
    return too_far_behind(status, terms.max_lag);
}

Objection not_standby_leader(const InstanceStatus& status) {
    if (auto objection = not_answering(status)) return objection;
    const bool leads = status.role == Role::standby && status.managed && status.managed->leads_standbys;
    if (!leads) return "it does not lead the standbys of a cluster that follows another one";
    return std::nullopt;
}

Objection not_synchronous(const InstanceStatus& status, const RoleTerms& terms) {
    if (auto objection = not_standby(status, terms)) return objection;
    if (!status.synchronous) return "not a synchronous standby";
    return std::nullopt;
}

Objection not_asynchronous(const InstanceStatus& status, const RoleTerms& terms) {
    if (auto objection = not_standby(status, terms)) return objection;
    if (status.synchronous) return "a synchronous standby";
    return std::nullopt;
}

Objection objection_to(RoleCheck check, const InstanceStatus& status, const RoleTerms& terms) {
    switch (check) {
        case RoleCheck::primary: return not_primary(status);
        case RoleCheck::standby_leader: return not_standby_leader(status);
        case RoleCheck::standby: return not_standby(status, terms);
        case RoleCheck::read_only:
            return status.role == Role::primary ? not_primary(status) : not_standby(status, terms);
        case RoleCheck::synchronous: return not_synchronous(status, terms);
        case RoleCheck::asynchronous: return not_asynchronous(status, terms);
        case RoleCheck::read_only_synchronous:
            return status.role == Role::primary ? not_primary(status) : not_synchronous(status, terms);
        case RoleCheck::health: return not_answering(status);
    }
    std::unreachable();
}

}  // namespace

std::optional<std::string> too_far_behind(const InstanceStatus& status, std::optional<std::uint64_t> max_lag) {
    if (!max_lag) return std::nullopt;
    if (!status.lsn.lag_bytes) return "how far it is behind is not known";
    if (*status.lsn.lag_bytes <= *max_lag) return std::nullopt;
    return "behind by " + std::to_string(*status.lsn.lag_bytes) + " bytes, " + std::to_string(*max_lag) + " allowed";
}

Finding check_role(RoleCheck check, const InstanceStatus& status, const RoleTerms& terms) {
    if (auto objection = objection_to(check, status, terms)) return {503, std::move(*objection)};
    return {200, {}};
}

}  // namespace pgbosun::http
