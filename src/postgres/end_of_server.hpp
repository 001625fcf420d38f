#pragma once
// Decision: whether a line of PostgreSQL's log says why the server ended.

#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::postgres {

inline constexpr std::size_t longest_fatal_message = 300;

// The message of a FATAL of the postmaster or the startup process, or of any process's PANIC, as a person reads it: one
// line, without JSON's escapes, cut after longest_fatal_message bytes. `line` is of jsonlog, or as written to stderr.
// None: it says nothing of the kind; a session's FATAL is its own affair.
std::optional<std::string> end_of_server(std::string_view line);

}  // namespace pgbosun::postgres
