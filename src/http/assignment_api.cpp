// The part of Api that is about who may write.
#include "http/api.hpp"
#include "http/assignment_wire.hpp"
#include "http/wrong_request.hpp"

namespace pgbosun::http {
namespace {

template <class Value>
std::optional<Work> as_work(Result<Value> value, Response& response) {
    if (value) return Work(std::move(*value));
    Api::refuse({400, value.error().what, value.error().hint, {}}, response);
    return std::nullopt;
}

// Fills in what is not `done`; true: nothing more is to be said.
bool refused(const RightAnswer& answer, Response& response) {
    if (answer.answer == Answer::done) return false;
    if (answer.answer == Answer::failed) {
        Api::refuse({503, answer.detail, answer.hint, {}}, response);
        return true;
    }
    Problem problem{409, answer.detail, answer.hint, {}};
    if (answer.again_in) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(*answer.again_in).count();
        problem.fields = "Retry-After: " + std::to_string(std::max<std::int64_t>(1, seconds)) + "\r\n";
    }
    Api::refuse(problem, response);
    return true;
}

}  // namespace

std::optional<Work> Api::read_right(RightVerb verb, const Request& request, const Query& query, Response& response) {
    if (const auto problem = unknown_parameter(query, {})) {
        refuse(*problem, response);
        return std::nullopt;
    }
    if (verb == RightVerb::assign) return as_work(parse_assignment(request.body), response);
    return as_work(parse_promise_request(request.body), response);
}

Task<> Api::carry_out_assignment(Assignment assignment, Response& response) {
    const RightAnswer answer = co_await control_.assign(std::move(assignment));
    if (!refused(answer, response)) append_status(response.body);
}

Task<> Api::carry_out_promise(PromiseRequest request, Response& response) {
    const RightAnswer answer = co_await control_.promise(std::move(request));
    if (!refused(answer, response)) response.body = render_promise_answer(answer.promise);
}

}  // namespace pgbosun::http
