#pragma once
// The summary of an archive's catalog as one JSON line, from the archiver to PID 1. The only place that knows
// its keys.

#include <cstddef>
#include <string>
#include <string_view>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::archive {

inline constexpr std::size_t longest_summary = std::size_t{4} << 20;  // bytes

// One line with its line end. Texts are cut, and entries beyond the limits left out (the oldest first).
std::string render(const CatalogSummary& summary);

// `line` without its line end. refused: too long, no JSON object, a key of another type. Unknown keys are
// passed over.
Result<CatalogSummary> parse_summary(std::string_view line);

}  // namespace pgbosun::archive
