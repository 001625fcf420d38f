#pragma once
// Decision: which of PostgreSQL's parameters a user may set, and what a parameter's name and value may look like.

#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::postgres {

enum class Severity { refused, warned };

struct ParameterFinding {
    Severity severity{};
    std::string why;
    std::string hint;
};

// None: fine as far as can be told without the server. Names are compared as PostgreSQL does, without case.
std::optional<ParameterFinding> check_parameter(std::string_view name, std::string_view value);

// As a quoted value of postgresql.conf: 'it''s'. `value` has passed check_parameter.
std::string quote_setting(std::string_view value);

// A boolean as PostgreSQL reads it: on, true, yes, 1 and their unique beginnings. None: not a boolean.
std::optional<bool> parse_boolean(std::string_view value);

}  // namespace pgbosun::postgres
