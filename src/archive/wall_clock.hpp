#pragma once
#include <chrono>
#include <string>

#include "pgbosun/time.hpp"

namespace pgbosun::archive {

inline WallTime wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}
// For people: reports and log lines.
inline std::string iso_now() { return to_iso8601(wall_now()); }

}  // namespace pgbosun::archive
