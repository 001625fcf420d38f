#include "cluster_record/kubernetes_pods.hpp"

#include <algorithm>

namespace pgbosun::cluster_record {
namespace {

// What a selector is made of may stand in a query as it is, but for these.
std::string encoded(const std::string& selector) {
    std::string text;
    for (const char letter : selector) {
        if (letter == ' ') {
            text += "%20";
        } else if (letter == '=') {
            text += "%3D";
        } else {
            text += letter;
        }
    }
    return text;
}

}  // namespace

Task<Result<std::vector<std::string>>> pods_of(const KubernetesClient& client, std::string selector) {
    std::string target =
        client.path("", "pods") + "?limit=" + std::to_string(most_pods + 1) + "&labelSelector=" + encoded(selector);
    const auto answer = co_await client.ask(http::Method::get, std::move(target), std::string());
    if (!answer) co_return std::unexpected(answer.error());
    const auto items = answer->body.find("items");
    if (answer->status != 200 || items == answer->body.end() || !items->is_array())
        co_return fail(FaultKind::unavailable, "Kubernetes: it does not answer with a list of pods");
    if (items->size() > most_pods) {
        co_return fail(FaultKind::refused,
                       "the selector " + selector + " chooses more than " + std::to_string(most_pods) + " pods",
                       "add a label that only the instances of this cluster have");
    }
    std::vector<std::string> names;
    for (const auto& item : *items) {
        const auto name = item.is_object() ? item.value(nlohmann::json::json_pointer("/metadata/name"), std::string())
                                           : std::string();
        if (!name.empty()) names.push_back(name);
    }
    std::ranges::sort(names);
    co_return names;
}

}  // namespace pgbosun::cluster_record
