#pragma once
// Backups and drills as JSON; see docs/http-api.md.

#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/instance_status.hpp"

namespace pgbosun::http {

inline constexpr std::size_t max_backup_name_bytes = 200;
inline constexpr std::size_t max_checks = 20;
inline constexpr std::size_t max_check_bytes = 4000;

// `catalog`: null when it has not been looked at yet.
std::string render_backups(const CatalogSummary* catalog, const InstanceStatus& status);
std::string render_backup(const CatalogEntry& entry);
// The backup under way, or what came of a job: {"id", "state", "detail"}.
std::string render_running(const RunningJob& running, Instant now);
std::string render_job_answer(const JobAnswer& answer);

// The body of a job's request. Empty: all defaults. refused: names the field. A moment to recover to is before `now`.
Result<JobRequest> parse_job(JobVerb verb, std::string_view body, WallTime now);
// What a client command sends.
std::string render_job(const JobRequest& request);
// For a client command. corrupt: no such object.
Result<JobAnswer> parse_job_answer(std::string_view body);

}  // namespace pgbosun::http
