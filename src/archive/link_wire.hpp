#pragma once
// The lines that PID 1 and the archiver exchange, and those that a job says: one JSON object each. The only
// place that knows their keys.

#include <cstddef>
#include <string>
#include <string_view>

#include "pgbosun/archive_link.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/job_link.hpp"

namespace pgbosun::archive {

inline constexpr std::size_t longest_line = std::size_t{64} * 1024;  // bytes

// One line with its line end. Text that is not UTF-8 is repaired; a text too long for a line is cut.
std::string render(const ArchiveOrder& order);
std::string render(const ArchiveReport& report);
std::string render(const JobLine& line);

// `line` without its line end. refused: too long, no JSON object, a key missing, unknown or of another type.
Result<ArchiveOrder> parse_order(std::string_view line);
Result<ArchiveReport> parse_report(std::string_view line);
Result<JobLine> parse_job_line(std::string_view line);

}  // namespace pgbosun::archive
