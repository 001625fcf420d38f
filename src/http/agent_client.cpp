#include "http/agent_client.hpp"

#include <utility>

#include "http/assignment_wire.hpp"
#include "http/event_counter.hpp"
#include "http/wire.hpp"

namespace pgbosun::http {
namespace {

Fault fault_of(const Answered& answered, const std::string& who) {
    const Problem problem = parse_problem(answered.status, answered.body);
    // 401, 403: the token is wrong. 404: it is no agent of this version, or not managed. 400: it does not know a field.
    const bool refused = answered.status >= 400 && answered.status < 500 && answered.status != 408;
    return {refused ? FaultKind::refused : FaultKind::unavailable, who + ": " + problem.detail, problem.hint};
}

}  // namespace

AgentClient::AgentClient(boost::asio::io_context& io, Client client, TokenSource token, AgentTimes times)
    : io_(io), client_(std::move(client)), token_(std::move(token)), times_(times) {}

Task<Result<InstanceStatus>> AgentClient::status() {
    Question question;
    question.target = "/v1/status";
    question.timeout = times_.status;
    const auto answered = co_await client_.ask(io_, std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    if (answered->status != 200) co_return std::unexpected(fault_of(*answered, client_.name()));
    co_return parse_status(answered->body);
}

Task<Result<Answered>> AgentClient::command(Question question) {
    auto token = token_();
    if (!token) co_return std::unexpected(std::move(token.error()));
    question.token = std::move(*token);
    auto answered = co_await client_.ask(io_, std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    if (answered->status == 200 || answered->status == 202) co_return std::move(*answered);
    co_return std::unexpected(fault_of(*answered, client_.name()));
}

Task<Result<>> AgentClient::order(Question question) {
    const auto answered = co_await command(std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    co_return Result<>{};
}

Task<Result<PromiseAnswer>> AgentClient::promise(PromiseRequest request) {
    Question question;
    question.method = "POST";
    question.target = "/v1/promise";
    question.body = render_promise_request(request);
    question.timeout = times_.promise;
    const auto answered = co_await command(std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    co_return parse_promise_answer(answered->body);
}

Task<Result<>> AgentClient::assign(Assignment assignment) {
    Question question;
    question.method = "PUT";
    question.target = "/v1/assignment";
    question.body = render_assignment(assignment);
    question.timeout = times_.assign;
    co_return co_await order(std::move(question));
}

Task<Result<>> AgentClient::checkpoint() {
    Question question;
    question.method = "POST";
    question.target = "/v1/checkpoint?wait=" + std::to_string(times_.checkpoint / std::chrono::seconds(1)) + "s";
    question.timeout = times_.checkpoint + std::chrono::seconds(1);
    const auto answered = co_await command(std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    if (answered->status == 202)
        co_return fail(FaultKind::unavailable, client_.name() + ": the checkpoint is still being written", "ask again");
    co_return Result<>{};
}

Task<Result<>> AgentClient::follow(std::function<void()> on_event) {
    EventCounter events;
    Question question;
    question.target = "/v1/events";
    question.timeout = times_.silence;
    question.sink = [&](std::string_view piece) {
        if (events.take(piece)) on_event();
        return Flow::more;
    };
    const auto answered = co_await client_.ask(io_, std::move(question));
    if (!answered) co_return std::unexpected(answered.error());
    if (answered->status != 200) co_return std::unexpected(fault_of(*answered, client_.name()));
    co_return Result<>{};
}

}  // namespace pgbosun::http
