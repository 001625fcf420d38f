#pragma once
#include <string>
#include <string_view>

#include "app/environment_view.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::app {

inline constexpr std::size_t longest_scalar = 64 * 1024;  // after substitution

// ${NAME} and ${NAME:-default} (used when NAME is unset or empty, as in a shell); $${ is a literal ${. A NAME
// that is unset and has no default is refused. What a variable holds is not looked at again.
Result<std::string> substitute(std::string_view text, const EnvironmentView& environment);

// The text that substitute() turns back into `text`.
std::string without_substitution(std::string_view text);

}  // namespace pgbosun::app
