#include "http/controller_api.hpp"

#include <algorithm>
#include <array>

#include "http/api.hpp"
#include "http/prometheus.hpp"
#include "http/wrong_request.hpp"
#include "pgbosun/assignment.hpp"

namespace pgbosun::http {
namespace {

struct Command {
    std::string_view path;
    ControllerVerb verb;
};
constexpr std::array<Command, 6> commands = {{{"/v1/switchover", ControllerVerb::switchover},
                                              {"/v1/failover", ControllerVerb::failover},
                                              {"/v1/pause", ControllerVerb::pause},
                                              {"/v1/resume", ControllerVerb::resume},
                                              {"/v1/demote-cluster", ControllerVerb::demote_cluster},
                                              {"/v1/promote-cluster", ControllerVerb::promote_cluster}}};
constexpr std::array<std::string_view, 5> probes = {"/livez", "/healthz", "/liveness", "/readyz", "/readiness"};
constexpr std::array<std::string_view, 2> documents = {"/metrics", "/v1/status"};
constexpr std::string_view plain_text = "text/plain; charset=utf-8";

// A redirect keeps method and body; who follows it shows the token again.
void send_to_leader(const ControllerStatus& status, std::string_view path, Response& response) {
    if (status.leader_url.empty()) {
        return Api::refuse(
            {503, "no controller leads at this moment", "ask again in a few seconds", "Retry-After: 1\r\n"}, response);
    }
    Api::refuse({307, status.leader + " leads, and is to be asked", "ask again there, with the same token",
                 "Location: " + status.leader_url + std::string(path) + "\r\n"},
                response);
}

MetricFamily gauge(std::string name, std::string help, double value) {
    MetricFamily family{std::move(name), std::move(help), MetricKind::gauge, {}};
    family.samples.push_back({});
    family.samples.back().value = value;
    return family;
}

}  // namespace

std::optional<Work> ControllerApi::answer(const Request& request, const Peer& peer, Entrance,
                                          const Credentials& credentials, Response& response) {
    const auto path = split_target(request.target).path;
    const auto command_at = std::ranges::find(commands, path, &Command::path);
    if (command_at != commands.end()) {
        if (request.method == Method::post) {
            command(command_at->verb, request, peer, credentials, response);
        } else {
            Api::refuse(wrong_method("POST"), response);
        }
    } else if (std::ranges::find(probes, path) == probes.end() &&
               std::ranges::find(documents, path) == documents.end()) {
        Api::refuse({404, "there is nothing at this path", "docs/controller.md lists all paths", {}}, response);
    } else if (request.method != Method::get && request.method != Method::head) {
        Api::refuse(wrong_method("GET, HEAD"), response);
    } else {
        look(path, response);
    }
    return std::nullopt;
}

Task<> ControllerApi::carry_out(Work, Response&) { co_return; }

bool ControllerApi::is_check(const Request& request) const {
    return std::ranges::find(probes, split_target(request.target).path) != probes.end();
}

void ControllerApi::look(std::string_view path, Response& response) {
    const auto status = control_.status();
    if (path == "/v1/status") {
        response.body = render_controller_status(status);
    } else if (path == "/metrics") {
        response.content_type = metrics_content_type;
        response.body = render_metrics(controller_metrics(status));
    } else if (path.starts_with("/ready") && !status.record_trouble.empty()) {
        const auto* what = status.record_answers ? "the record cannot be used: " : "the record does not answer: ";
        Api::refuse({503, what + status.record_trouble, status.record_at, {}}, response);
    } else {
        response.content_type = plain_text;
        response.body = status.leads ? "leads\n" : "follows\n";
    }
}

void ControllerApi::command(ControllerVerb verb, const Request& request, const Peer& peer,
                            const Credentials& credentials, Response& response) {
    auto access = may_control(peer, request.authorization, credentials);
    if (const auto* problem = std::get_if<Problem>(&access)) return Api::refuse(*problem, response);
    auto wish = parse_wish(request.body);
    if (!wish) return Api::refuse({400, wish.error().what, wish.error().hint, {}}, response);
    if (!wish->source.empty() && wish->source != archive_source) {
        const auto good = check_source_(wish->source);
        if (!good) return Api::refuse({400, "field \"source\": " + good.error().what, good.error().hint, {}}, response);
    }
    const auto status = control_.status();
    if (!status.leads) return send_to_leader(status, split_target(request.target).path, response);
    const auto answer = control_.command({verb, std::move(wish->to), std::get<Admitted>(access).asked_by,
                                          std::move(wish->source), std::move(wish->lost)});
    if (answer.answer == Answer::refused) return Api::refuse({409, answer.detail, answer.hint, {}}, response);
    response.status = answer.answer == Answer::done ? 200 : 202;
    response.body = render_controller_status(control_.status());
}

std::vector<MetricFamily> controller_metrics(const ControllerStatus& status) {
    std::vector<MetricFamily> families;
    families.push_back(gauge("pgbosun_controller_leads", "1 when this controller leads", status.leads ? 1 : 0));
    families.push_back(gauge("pgbosun_controller_record_answers", "1 when the record's engine answers",
                             status.record_answers ? 1 : 0));
    families.push_back(
        gauge("pgbosun_controller_term", "Term of the recorded primary", static_cast<double>(status.term)));
    families.push_back(gauge("pgbosun_controller_primary_serving", "1 when the recorded primary takes writes",
                             status.serving ? 1 : 0));
    families.push_back(
        gauge("pgbosun_controller_paused", "1 while there is no failover by itself", status.paused ? 1 : 0));
    // A follower would have to guess.
    if (status.leads) {
        families.push_back(gauge("pgbosun_controller_candidates",
                                 "Instances that could take over if the primary were lost now",
                                 static_cast<double>(status.candidates.size())));
    }
    MetricFamily changes{
        "pgbosun_controller_changes_total", "Changes of the primary by this controller", MetricKind::counter, {}};
    changes.samples.push_back({});
    changes.samples.back().value = static_cast<double>(status.changes);
    families.push_back(std::move(changes));
    MetricFamily answers{
        "pgbosun_controller_instance_answers", "1 when the instance's agent answers", MetricKind::gauge, {}};
    for (const auto& instance : status.instances) {
        auto& sample = answers.samples.emplace_back();
        sample.labels = {{"instance", instance.name}};
        sample.value = instance.answers ? 1 : 0;
    }
    families.push_back(std::move(answers));
    return families;
}

}  // namespace pgbosun::http
