#pragma once
// JSON that is sent to us: what is wrong with it is named, with a way to write it right (wrong_request).

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::http {

// No name is there twice in an object, at any depth: the last would silently win. `example`: a good body.
Result<nlohmann::ordered_json> parse_body(std::string_view body, const std::string& example);

// A text without control characters, of at most `most` bytes.
Result<> read_line(std::string_view name, const nlohmann::ordered_json& value, std::size_t most, std::string& into);

}  // namespace pgbosun::http
