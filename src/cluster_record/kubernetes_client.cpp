#include "cluster_record/kubernetes_client.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "http/token_file.hpp"

namespace pgbosun::cluster_record {
namespace {

constexpr std::string_view account = "/var/run/secrets/kubernetes.io/serviceaccount/";

std::string first_line(const std::string& file) {
    std::ifstream input(file);
    std::string line;
    std::getline(input, line);
    return line;
}

// Kubernetes answers each refusal with a Status object.
std::string message_of(const http::Answered& answered) {
    const auto json = nlohmann::json::parse(answered.body, nullptr, false);
    const std::string status = "status " + std::to_string(answered.status);
    if (!json.is_object() || !json.contains("message") || !json["message"].is_string()) return status;
    return json["message"].get<std::string>().substr(0, 300);
}

std::optional<Fault> fault_of(const http::Answered& answered) {
    const int status = answered.status;
    if ((status >= 200 && status < 300) || status == 404 || status == 409 || status == 410) return std::nullopt;
    if (status == 401 || status == 403) {
        return Fault{FaultKind::refused, "Kubernetes refuses: " + message_of(answered),
                     "bind the Role of images/kubernetes/controller to the pod's service account"};
    }
    return Fault{FaultKind::unavailable, "Kubernetes: " + message_of(answered), {}};
}

}  // namespace

Result<KubernetesOptions> in_cluster(const std::function<std::optional<std::string>(std::string_view)>& variable) {
    const auto host = variable("KUBERNETES_SERVICE_HOST");
    const auto port = variable("KUBERNETES_SERVICE_PORT");
    if (!host || !port) {
        return fail(FaultKind::refused, "this is no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set",
                    "run the controller in a pod, or set record.kubernetes.server");
    }
    KubernetesOptions options;
    const bool is_v6 = host->find(':') != std::string::npos;
    options.server = "https://" + (is_v6 ? "[" + *host + "]" : *host) + ":" + *port;
    options.name_space = first_line(std::string(account) + "namespace");
    options.token_file = std::string(account) + "token";
    options.ca_file = std::string(account) + "ca.crt";
    return options;
}

Result<KubernetesClient> KubernetesClient::make(boost::asio::io_context& io, KubernetesOptions options) {
    http::ClientTrust trust;
    trust.ca_file = options.ca_file;
    auto client = http::Client::url(options.server, std::move(trust), "443");
    if (!client) return std::unexpected(std::move(client.error()).in("the API server of Kubernetes"));
    return KubernetesClient(io, std::move(options), std::move(*client));
}

Result<http::Question> KubernetesClient::question(http::Method method, std::string target) const {
    auto token = http::read_token(options_.token_file);
    if (!token) return std::unexpected(std::move(token.error()));
    http::Question question;
    question.method = to_string(method);
    question.target = std::move(target);
    question.token = std::move(*token);
    question.timeout = options_.request_timeout;
    return question;
}

Task<Result<KubernetesAnswer>> KubernetesClient::ask(http::Method method, std::string target, std::string body,
                                                     std::string_view content_type) const {
    auto asked = question(method, std::move(target));
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    asked->body = std::move(body);
    asked->content_type = content_type;
    const auto answered = co_await client_.ask(*io_, std::move(*asked));
    if (!answered) co_return std::unexpected(answered.error());
    if (auto fault = fault_of(*answered)) co_return std::unexpected(std::move(*fault));
    KubernetesAnswer answer{answered->status, nlohmann::json::parse(answered->body, nullptr, false)};
    if (answer.body.is_object() || answered->body.empty()) co_return answer;
    co_return fail(FaultKind::corrupt, client_.name() + " does not answer as Kubernetes does");
}

Task<Result<int>> KubernetesClient::watch(std::string target, Duration at_most, http::Sink sink) const {
    const auto seconds = std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(at_most).count());
    target.append("&timeoutSeconds=").append(std::to_string(seconds));
    auto asked = question(http::Method::get, std::move(target));
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    asked->timeout = at_most;
    asked->sink = std::move(sink);
    const auto answered = co_await client_.ask(*io_, std::move(*asked));
    if (!answered) co_return std::unexpected(answered.error());
    if (auto fault = fault_of(*answered)) co_return std::unexpected(std::move(*fault));
    co_return answered->status;
}

std::string KubernetesClient::path(std::string_view group, std::string_view kind) const {
    const std::string root = group.empty() ? "/api/v1" : "/apis/" + std::string(group) + "/v1";
    return root + "/namespaces/" + options_.name_space + "/" + std::string(kind);
}

}  // namespace pgbosun::cluster_record
