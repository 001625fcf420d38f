#pragma once
// A small file that is whole or as it was, whenever the machine stops.

#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::archive {

// Replaces `path` by a rename; success: it is durable. Blocks.
Result<> write_durably(const std::string& path, std::string_view text);

}  // namespace pgbosun::archive
