#include <cstdlib>

#include "http/assignment_wire.hpp"
#include "http/controller_api.hpp"

using namespace pgbosun;

// What is taken must be sent and taken again alike.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    if (const auto assignment = http::parse_assignment(body)) {
        const std::string text = http::render_assignment(*assignment);
        const auto again = http::parse_assignment(text);
        if (!again || http::render_assignment(*again) != text) std::abort();
    }
    if (const auto request = http::parse_promise_request(body)) {
        const auto again = http::parse_promise_request(http::render_promise_request(*request));
        if (!again || !(again->lease == request->lease)) std::abort();
    }
    if (const auto answer = http::parse_promise_answer(body)) {
        const auto again = http::parse_promise_answer(http::render_promise_answer(*answer));
        if (!again || again->promised != answer->promised) std::abort();
    }
    (void)http::parse_wish(body);
    (void)http::parse_controller_status(body);
    return 0;
}
