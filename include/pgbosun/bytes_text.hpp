#pragma once
// A number of bytes as a person reads it.

#include <cstdint>
#include <string>

namespace pgbosun {

// "17.4 GB": three digits at most, 1024 to the next unit, as PostgreSQL and docs/configuration.md count.
std::string bytes_text(std::uint64_t bytes);

}  // namespace pgbosun
