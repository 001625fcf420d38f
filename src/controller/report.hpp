#pragma once
// Fact: what of an agent's status the decisions rest on.

#include <expected>
#include <string>
#include <string_view>

#include "controller/knowledge.hpp"
#include "pgbosun/instance_status.hpp"

namespace pgbosun::controller {

// `name`: who is expected to answer there. Else: why the status is not counted.
std::expected<Report, std::string> report_of(const InstanceStatus& status, const std::string& cluster,
                                             const std::string& name);

}  // namespace pgbosun::controller
