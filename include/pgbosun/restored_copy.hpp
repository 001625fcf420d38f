#pragma once

#include <string_view>

namespace pgbosun {

// In a data directory that was restored by hand: whose copy it is, for a person. `pgbosun run` starts PostgreSQL there only
// when its own archive is empty, and then removes it.
inline constexpr std::string_view restored_copy_file = "pgbosun.copy";

}  // namespace pgbosun
