#pragma once
// The one place that knows how the API looks as JSON. Names are those of docs/http-api.md; times on our own clock
// leave as ages in seconds, since an Instant means nothing to anybody else.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/journal.hpp"

namespace pgbosun::http {

inline constexpr std::size_t max_reason_bytes = 1000;
inline constexpr std::size_t max_upstream_bytes = 1000;

// RFC 9457: type, title, status, detail, hint.
std::string render_problem(const Problem& problem);

// Two halves of one object: the first changes with each moment and is cheap, the second with the state.
std::string render_status_clock(const InstanceStatus& status);
std::string render_status_state(const InstanceStatus& status);
std::string render_status(const InstanceStatus& status);
// For the client commands. corrupt: not a status, says where. Fields it does not know are passed over.
Result<InstanceStatus> parse_status(std::string_view text);

// Patroni's document (GET /patroni and the body of its health checks). `reason`: why the check failed, may be empty.
std::string render_patroni(const InstanceStatus& status, std::string_view reason, WallTime now);

std::string render_journal(const std::vector<JournalEntry>& entries, std::uint64_t last_id);
Result<std::vector<JournalEntry>> parse_journal(std::string_view text);
// The `data` of a server-sent event; phase and role are those of now.
std::string render_event(const JournalEntry& entry, Phase phase, Role role);
// The same of an event that is in no journal: how far long work has come. It changes only when that gets on.
std::string render_progress(const InstanceStatus& status);

// The body of a control request into reason, force, upstream. Empty: all defaults. refused: names the field.
Result<ControlRequest> parse_control(Verb verb, std::string_view body);
// What a client command sends.
std::string render_control(const ControlRequest& request);

// The detail and hint of an answer that is a problem document, else its first line: what a person is told.
Problem parse_problem(int status, std::string_view body);

}  // namespace pgbosun::http
