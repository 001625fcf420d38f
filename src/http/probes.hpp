#pragma once
// What Kubernetes asks: should this container be restarted, has it come up, should it get traffic?

#include <cstdint>
#include <optional>
#include <string>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::http {

struct Finding {
    int status = 503;  // 200 or 503
    std::string line;  // for a person; on 503 why
};

// 503 only when a restart of the container would help; a hung or stopped PostgreSQL is not that.
Finding liveness(const InstanceStatus& status);
Finding startup(const InstanceStatus& status);
// `max_lag`: asked for beside the configured limit (Patroni's /readiness?lag=). An unknown lag is too much.
Finding readiness(const InstanceStatus& status, std::optional<std::uint64_t> max_lag);

}  // namespace pgbosun::http
