#pragma once
// Fact: the fence as it stands on the volume: two lines, when and why. That the file exists is the fence; what it
// says is for people, so nothing in it can lift it. A person may have made it, with any content.

#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

inline constexpr std::size_t longest_fence_file = 8192;

std::string fence_path(const Settings& settings);
std::string fence_text(const FenceStatus& fence);
// `modified`: of the file. One that a person made says so, with its first line, and counts from when it was modified.
FenceStatus parse_fence(std::string_view text, WallTime modified);
FenceStatus unreadable_fence(const Fault& why, WallTime modified);

}  // namespace pgbosun::supervision
