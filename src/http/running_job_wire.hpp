#pragma once
// A job that is under way, as JSON: in status as among the backups.

#include <nlohmann/json_fwd.hpp>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::http {

nlohmann::ordered_json running_json(const RunningJob& running, Instant now);

}  // namespace pgbosun::http
