#pragma once
// What controller and agents send one another about the right to write, as JSON: PUT /v1/assignment, POST /v1/promise and
// their answers. An agent's own clock travels as {"boot_id", "monotonic_ms"}, rounded down: a lease only gets shorter.
//
// The parsers refuse what they do not know, and what is there twice: a rule that an older version passes over may be the
// one that keeps two primaries apart. refused: names the field. Limits: 64 names or peers, 1,000 bytes of text.

#include <string>
#include <string_view>

#include "pgbosun/assignment.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::http {

std::string render_assignment(const Assignment& assignment);
Result<Assignment> parse_assignment(std::string_view body);

std::string render_promise_request(const PromiseRequest& request);
Result<PromiseRequest> parse_promise_request(std::string_view body);

std::string render_promise_answer(const PromiseAnswer& answer);
Result<PromiseAnswer> parse_promise_answer(std::string_view body);

// As it stands on the agent's own volume.
std::string render_agent_record(const AgentRecord& record);
Result<AgentRecord> parse_agent_record(std::string_view text);

}  // namespace pgbosun::http
