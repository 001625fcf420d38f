#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgbosun::app {

// The key of the configuration that was probably meant by `path`, or a section; none: nothing is like it.
// Knows slips of the finger, camelCase, and a right name in the wrong place.
std::optional<std::string> suggest_key(std::string_view path);
// The same among other keys.
std::optional<std::string> suggest_among(std::string_view path, const std::vector<std::string>& keys);

}  // namespace pgbosun::app
