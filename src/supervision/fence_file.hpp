#pragma once
// Fact: the fence as it stands on the volume: two lines, when and why. That the file exists is the fence; what it
// says is for people, so nothing in it can lift it.

#include <string>
#include <string_view>

#include "pgbosun/instance_status.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::supervision {

inline constexpr std::size_t longest_fence_file = 8192;

std::string fence_path(const Settings& settings);
std::string fence_text(const FenceStatus& fence);
FenceStatus parse_fence(std::string_view text);

}  // namespace pgbosun::supervision
