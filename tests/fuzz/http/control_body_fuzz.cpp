#include <cstdlib>

#include "http/wire.hpp"

using namespace pgbosun;

// The first byte chooses the verb. What is taken must be sent and taken again alike.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    const auto verb = static_cast<Verb>(data[0] % 7);
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto request = http::parse_control(verb, body);
    (void)http::parse_status(body);
    (void)http::parse_journal(body);
    (void)http::parse_problem(500, body);
    if (!request) return 0;
    if (request->reason.size() > http::max_reason_bytes) std::abort();
    const auto again = http::parse_control(verb, http::render_control(*request));
    if (!again || again->reason != request->reason || again->upstream != request->upstream) std::abort();
    return 0;
}
