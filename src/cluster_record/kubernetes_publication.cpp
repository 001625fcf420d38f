#include "cluster_record/kubernetes_publication.hpp"

#include <nlohmann/json.hpp>

namespace pgbosun::cluster_record {

using Json = nlohmann::json;

Task<Result<>> KubernetesPublication::publish(std::string instance, PublishedRole role) {
    const Json value = role == PublishedRole::none ? Json() : Json(to_string(role));  // null removes the label
    const Json patch = {{"metadata", {{"labels", {{"pgbosun.io/role", value}}}}}};
    std::string target = client_.path("", "pods/" + instance);
    std::string body = patch.dump();
    constexpr std::string_view type = "application/merge-patch+json";
    const auto answer = co_await client_.ask(http::Method::patch, std::move(target), std::move(body), type);
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status == 200) co_return Result<>{};
    if (answer->status == 404) co_return fail(FaultKind::not_found, "there is no pod " + instance);
    co_return fail(FaultKind::unavailable, "the pod " + instance + " was changed at the same moment");
}

Task<Result<>> KubernetesPublication::tell(std::string reason, std::string message) {
    const auto& options = client_.options();
    const std::string name = "pgbosun-" + options.cluster;
    const std::string now = to_iso8601(clock_.wall());
    const std::string second = now.substr(0, now.find('.')) + "Z";
    const Json event = {
        {"apiVersion", "v1"},
        {"kind", "Event"},
        {"metadata", {{"generateName", name + "."}}},
        {"involvedObject",
         {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"name", name}, {"namespace", options.name_space}}},
        {"reason", std::move(reason)},
        {"message", message.substr(0, 1000)},
        {"type", "Normal"},
        {"count", 1},
        {"firstTimestamp", second},
        {"lastTimestamp", second},
        {"source", {{"component", "pgbosun-controller"}}}};
    std::string target = client_.path("", "events");
    std::string body = event.dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto answer = co_await client_.ask(http::Method::post, std::move(target), std::move(body));
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status < 300) co_return Result<>{};
    co_return fail(FaultKind::refused, "Kubernetes does not take an event");
}

}  // namespace pgbosun::cluster_record
