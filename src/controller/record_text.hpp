#pragma once
// Fact: a Record as the text that the engine keeps.

#include <string>
#include <string_view>

#include "controller/record.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::controller {

std::string to_text(const Record& record);
// corrupt: it is none, or one of a later version, which may hold what this one would lose. Says which field.
Result<Record> parse_record(std::string_view text);

}  // namespace pgbosun::controller
