#pragma once
// Durations and sizes as people write them, and back. Each *_text() is the shortest text that reads as the
// same value.

#include <cstdint>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::app {

// A whole number and a unit of ms, s, min, h, d as in postgresql.conf, but never without one: "500ms",
// "5min". At most 100 days. Only 0 needs no unit.
Result<Duration> parse_duration(std::string_view text);
std::string duration_text(Duration duration);  // whole milliseconds only

// Bytes: a whole number and a unit of B, kB, MB, GB, TB (1024 each, as PostgreSQL counts) or Ki, Mi, Gi, Ti
// as Kubernetes writes the same.
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);

// Decimal, no sign but '-', nothing else.
Result<std::int64_t> parse_integer(std::string_view text);

}  // namespace pgbosun::app
