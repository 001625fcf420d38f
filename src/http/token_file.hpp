#pragma once
// The bearer token that is kept in a file. Blocks on the disk.

#include <optional>
#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::http {

// The file's text without what is blank at its end. none: no file is named. refused: it cannot be read, or is empty or
// longer than 4,096 bytes.
Result<std::optional<std::string>> read_token(const std::optional<std::string>& file);

}  // namespace pgbosun::http
