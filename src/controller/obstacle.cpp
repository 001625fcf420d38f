#include "controller/obstacle.hpp"

#include <algorithm>

namespace pgbosun::controller {

Obstacle obstacle(const Knowledge& known, const Policy& policy, const std::string& name, Instant now) {
    const auto member = std::ranges::find(policy.members, name, [](const Member& it) { return it.peer.name; });
    if (member == policy.members.end()) return {"it is not an instance of this cluster", {}};
    const Seen* seen = find(known, name);
    if (seen == nullptr || now - seen->received_at >= policy.ttl) {
        return {"it does not answer", "see whether its agent runs, and the network between it and the controller"};
    }
    const Report& report = seen->report;
    if (member->priority < 0) {
        return {"its priority says that it must never be primary", "give it another priority in `instances`"};
    }
    if (report.fenced) return {"it is fenced", "pgbosun unfence, there"};
    if (report.delayed) {
        return {"it replays with a delay (postgresql.apply_delay)",
                "take apply_delay out of its configuration, and wait until it has replayed"};
    }
    const auto& system_id = known.record->system_id;
    if (system_id && report.system_id && report.system_id != system_id) {
        return {"its data is of another system", "its volume is another cluster's: see its `pgbosun status`"};
    }
    if (report.full) return {"its volume is full", "make room there: `pgbosun status` names the volume"};
    if (!report.able) return {"its postgres cannot be promoted", "`pgbosun status`, there, says why"};
    return {};
}

bool holds_data(const Knowledge& known, const std::string& name) {
    const Seen* seen = find(known, name);
    return seen != nullptr && seen->report.system_id.has_value();
}

}  // namespace pgbosun::controller
