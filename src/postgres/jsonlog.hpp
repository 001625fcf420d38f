#pragma once
// Fact: one record of PostgreSQL's jsonlog, read; its fields are in PostgreSQL's manual, "Using JSON-Format Log Output".

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::postgres {

// Longer lines are cut into pieces by the reader; a piece is no JSON and is passed on as text.
inline constexpr std::size_t longest_log_line = 1 << 20;

// None: not a record, but whatever else PostgreSQL or one of its tools wrote. Bytes that are not UTF-8 become \xNN.
std::optional<nlohmann::ordered_json> parse_jsonlog(std::string_view line);

// A field as text, numbers too; empty: it is not there.
std::string jsonlog_field(const nlohmann::ordered_json& record, const char* name);

// Each byte that is not UTF-8 becomes `escape` and two hexadecimal digits.
std::string with_valid_utf8(std::string_view text, std::string_view escape);

}  // namespace pgbosun::postgres
