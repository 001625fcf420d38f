#include "http/probes.hpp"

#include "http/role_checks.hpp"

namespace pgbosun::http {
namespace {

std::string or_phase(const std::string& reason, const InstanceStatus& status) {
    if (!reason.empty()) return reason;
    if (!status.reason.empty()) return status.reason;
    return "phase " + std::string(to_string(status.phase));
}

}  // namespace

Finding liveness(const InstanceStatus& status) {
    if (status.live) return {200, "live"};
    return {503, "not live: " + or_phase(status.live_reason, status)};
}

Finding startup(const InstanceStatus& status) {
    if (status.started) return {200, "started"};
    return {503, "not started: " + or_phase(status.ready_reason, status)};
}

Finding readiness(const InstanceStatus& status, std::optional<std::uint64_t> max_lag) {
    if (!status.ready) return {503, "not ready: " + or_phase(status.ready_reason, status)};
    // The right to write may have run out since the status was put together.
    if (status.valid_until && status.now >= *status.valid_until) {
        return {503, "not ready: the right to write has run out"};
    }
    if (status.role == Role::standby) {
        if (auto reason = too_far_behind(status, max_lag)) return {503, "not ready: " + *reason};
    }
    return {200, "ready"};
}

}  // namespace pgbosun::http
