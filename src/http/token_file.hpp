#pragma once
// The bearer token that is kept in a file.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::http {

constexpr std::size_t longest_token_file = 4096;

// The text without what is blank at its end. refused: it is empty, or longer than a token file may be.
Result<std::string> token_in(std::string_view text, const std::string& file);
// The same of a file, which blocks on the disk. none: no file is named. refused also: it cannot be read.
Result<std::optional<std::string>> read_token(const std::optional<std::string>& file);

}  // namespace pgbosun::http
