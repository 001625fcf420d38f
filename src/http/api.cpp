#include "http/api.hpp"

#include <chrono>

#include "http/probes.hpp"
#include "http/prometheus.hpp"
#include "http/wire.hpp"
#include "http/wrong_request.hpp"

namespace pgbosun::http {
namespace {

constexpr Duration state_age = std::chrono::milliseconds(50);
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

template <class... F>
struct Cases : F... {
    using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

// A value of the query that may be missing, but not wrong.
template <class T>
struct Given {
    std::optional<T> value;
    std::optional<Problem> problem;
};

template <class T, class Parse>
Given<T> read_parameter(const Query& query, std::string_view name, std::string_view wanted, std::string_view example,
                        Parse parse) {
    const auto text = query.value(name);
    if (!text) return {};
    auto value = parse(*text);
    if (!value) return {std::nullopt, bad_parameter(name, wanted, example)};
    return {std::move(value), std::nullopt};
}

Given<std::uint64_t> read_lag(const Query& query) {
    return read_parameter<std::uint64_t>(query, "lag", "must be a size such as 16MB (B, kB, MB, GB, TB)", "16MB",
                                         parse_size);
}

Given<std::uint64_t> read_number(const Query& query, std::string_view name) {
    return read_parameter<std::uint64_t>(query, name, "must be a whole number", "100", parse_number);
}

Problem unknown_path(Entrance entrance) {
    if (entrance == Entrance::metrics_only)
        return {404, "only /metrics is served on this port", "ask the port of http.listen for all else", {}};
    return {404, "there is nothing at this path", "docs/http-api.md lists all paths", {}};
}

// What only the instance could see to be wrong in the request is as wrong as what is seen here.
Problem refusal_of(const ControlAnswer& answer) {
    if (answer.field.empty()) return {409, answer.detail, answer.hint, {}};
    return {400, "field \"" + answer.field + "\": " + answer.detail, answer.hint, {}};
}

}  // namespace

Api::Api(InstanceControl& control, Journal& journal, const Traffic& traffic)
    : control_(control), journal_(journal), traffic_(traffic) {}

void Api::refuse(const Problem& problem, Response& response) {
    response.status = problem.status;
    response.content_type = "application/problem+json";
    response.fields = problem.fields;
    response.body = render_problem(problem);
}

std::optional<Work> Api::answer(const Request& request, const Peer& peer, Entrance entrance,
                                const Credentials& credentials, Response& response) {
    const Target target = split_target(request.target);
    if (entrance == Entrance::metrics_only && target.path != "/metrics") {
        refuse(unknown_path(entrance), response);
        return std::nullopt;
    }
    return std::visit(Cases{[&](const Route* route) -> std::optional<Work> {
                                const auto query = Query::parse(target.query);
                                if (query) return serve(*route, request, *query, peer, credentials, response);
                                refuse({400, query.error().what, query.error().hint, {}}, response);
                                return std::nullopt;
                            },
                            [&](WrongMethod wrong) -> std::optional<Work> {
                                refuse(wrong_method(to_string(wrong.allowed)), response);
                                return std::nullopt;
                            },
                            [&](UnknownPath) -> std::optional<Work> {
                                refuse(unknown_path(entrance), response);
                                return std::nullopt;
                            }},
                      find_route(request.method, target.path));
}

bool Api::is_check(const Request& request) const {
    const auto found = find_route(request.method, split_target(request.target).path);
    const auto* route = std::get_if<const Route*>(&found);
    if (route == nullptr) return false;
    return std::holds_alternative<Probe>((*route)->endpoint) || std::holds_alternative<RoleCheck>((*route)->endpoint);
}

std::optional<Work> Api::serve(const Route& route, const Request& request, const Query& query, const Peer& peer,
                               const Credentials& credentials, Response& response) {
    std::string asked_by;
    if (route.access == Access::control) {
        auto access = may_control(peer, request.authorization, credentials);
        if (const auto* problem = std::get_if<Problem>(&access)) {
            refuse(*problem, response);
            return std::nullopt;
        }
        asked_by = std::move(std::get<Admitted>(access).asked_by);
    }
    if (const auto* verb = std::get_if<Verb>(&route.endpoint)) {
        return read_command(*verb, request, query, std::move(asked_by), response);
    }
    if (std::holds_alternative<JobVerb>(route.endpoint)) {
        return read_job(route, request, query, std::move(asked_by), response);
    }
    if (const auto* verb = std::get_if<RightVerb>(&route.endpoint)) return read_right(*verb, request, query, response);
    std::visit(Cases{[&](Probe probe) { serve_probe(probe, query, response); },
                     [&](RoleCheck check) { serve_role(check, request, query, response); },
                     [&](Document document) { serve_document(document, request, query, response); }, [](Verb) {},
                     [](JobVerb) {}, [](RightVerb) {}},
               route.endpoint);
    return std::nullopt;
}

// Other parameters are passed over, here and in the role checks: probes out in the world carry all kinds, and a
// database that is well must not be taken out of service for one.
void Api::serve_probe(Probe probe, const Query& query, Response& response) {
    const auto lag = read_lag(query);
    if (lag.problem) return refuse(*lag.problem, response);
    const InstanceStatus& status = control_.status();
    const Finding finding = probe == Probe::live      ? liveness(status)
                            : probe == Probe::started ? startup(status)
                                                      : readiness(status, lag.value);
    response.status = finding.status;
    response.content_type = plain_text;
    response.body.append(finding.line).push_back('\n');
}

void Api::serve_role(RoleCheck check, const Request& request, const Query& query, Response& response) {
    const auto lag = read_lag(query);
    if (lag.problem) return refuse(*lag.problem, response);
    RoleTerms terms{lag.value, std::nullopt, query.has_prefix("tag_") ? Tags::asked_for : Tags::none};
    if (const auto state = query.value("replication_state")) terms.replication_state = std::string(*state);
    const InstanceStatus& status = control_.status();
    const Finding finding = check_role(check, status, terms);
    response.status = finding.status;
    // HEAD and OPTIONS are asked several times a second by load balancers that read the status only.
    if (request.method != Method::get) return;
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    response.body = render_patroni(status, finding.line, now);
}

void Api::serve_document(Document document, const Request& request, const Query& query, Response& response) {
    switch (document) {
        case Document::patroni: {
            const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
            response.body = render_patroni(control_.status(), {}, now);
            return;
        }
        case Document::metrics: {
            auto families = control_.metrics();
            for (auto& family : traffic_metrics(traffic_)) families.push_back(std::move(family));
            response.content_type = metrics_content_type;
            response.body = render_metrics(families);
            return;
        }
        case Document::status:
            if (auto problem = unknown_parameter(query, {})) return refuse(*problem, response);
            return append_status(response.body);
        case Document::events: return serve_events(request, query, response);
        case Document::journal: return serve_journal(query, response);
        case Document::backups: return serve_backups(query, response);
        case Document::backup: return serve_backup(request, query, response);
    }
}

void Api::append_status(std::string& out) {
    const InstanceStatus& status = control_.status();
    const auto revision = control_.status_revision();
    if (state_revision_ != revision || status.now - state_at_ >= state_age) {
        state_text_ = render_status_state(status);
        state_revision_ = revision;
        state_at_ = status.now;
    }
    out.append(render_status_clock(status)).append(state_text_);
}

void Api::serve_journal(const Query& query, Response& response) {
    if (auto problem = unknown_parameter(query, {"since", "limit"})) return refuse(*problem, response);
    const auto since = read_number(query, "since");
    if (since.problem) return refuse(*since.problem, response);
    const auto limit = read_number(query, "limit");
    if (limit.problem) return refuse(*limit.problem, response);
    const auto most = limit.value.value_or(max_journal_entries);
    if (most == 0 || most > max_journal_entries)
        return refuse(bad_parameter("limit", "must be 1 to 1000", "1000"), response);
    response.body = render_journal(journal_.since(since.value.value_or(0), most), journal_.last_id());
}

void Api::serve_events(const Request& request, const Query& query, Response& response) {
    if (auto problem = unknown_parameter(query, {"since"})) return refuse(*problem, response);
    auto since = read_number(query, "since");
    if (since.problem) return refuse(*since.problem, response);
    if (!request.last_event_id.empty()) {
        since.value = parse_number(request.last_event_id);
        if (!since.value) {
            return refuse({400, "field Last-Event-ID: must be a whole number", "send back an id of this stream", {}},
                          response);
        }
    }
    const auto last = journal_.last_id();
    // An id that we have not come to yet is of another volume: everything we have is new to the asker.
    const auto after = since.value.value_or(last);
    response.content_type = "text/event-stream";
    response.events_after = after > last ? 0 : after;
}

std::optional<ControlRequest> Api::read_command(Verb verb, const Request& request, const Query& query,
                                                std::string asked_by, Response& response) {
    const auto refuse_with = [&](const Problem& problem) {
        refuse(problem, response);
        return std::nullopt;
    };
    if (const auto problem = unknown_parameter(query, {"wait"})) return refuse_with(*problem);
    const auto given = read_wait(query);
    if (given.problem) return refuse_with(*given.problem);
    auto command = parse_control(verb, request.body);
    if (!command) return refuse_with({400, command.error().what, command.error().hint, {}});
    command->wait = given.wait.value_or(default_wait);
    command->asked_by = std::move(asked_by);
    return std::move(*command);
}

Task<> Api::carry_out(Work work, Response& response) {
    if (auto* command = std::get_if<ControlRequest>(&work)) {
        co_await carry_out_command(std::move(*command), response);
    } else if (auto* job = std::get_if<JobRequest>(&work)) {
        co_await carry_out_job(std::move(*job), response);
    } else if (auto* assignment = std::get_if<Assignment>(&work)) {
        co_await carry_out_assignment(std::move(*assignment), response);
    } else {
        co_await carry_out_promise(std::move(std::get<PromiseRequest>(work)), response);
    }
}

Task<> Api::carry_out_command(ControlRequest request, Response& response) {
    const ControlAnswer answer = co_await control_.command(std::move(request));
    switch (answer.answer) {
        case Answer::done: response.status = 200; break;
        case Answer::under_way: response.status = 202; break;
        case Answer::refused: refuse(refusal_of(answer), response); co_return;
        case Answer::failed: refuse({500, answer.detail, answer.hint, {}}, response); co_return;
    }
    append_status(response.body);
}

}  // namespace pgbosun::http
