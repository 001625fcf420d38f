#include "contract/cluster_record/kubernetes_conversation.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "support/run.hpp"

namespace pgbosun::test {
namespace {

using cluster_record::KubernetesClient;
using cluster_record::KubernetesOptions;
using Json = nlohmann::json;
using http::Method;

class Conversation {
public:
    Conversation(boost::asio::io_context& loop, const KubernetesOptions& options)
        : loop_(loop), client_(*KubernetesClient::make(loop, options)) {}

    // The version of what was answered; empty: it has none.
    std::string ask(Method method, const std::string& kind, const Json& body = nullptr,
                    std::string_view type = "application/json") {
        const std::string group = kind.starts_with("leases") ? "coordination.k8s.io" : "";
        say(std::string(to_string(method)) + " " + kind + (body.is_null() ? "" : " " + with_names(body).dump()));
        const auto answer = run(loop_, client_.ask(method, client_.path(group, kind), text_of(body), type));
        if (!answer) {
            say("  " + std::string(answer.error().kind == FaultKind::refused ? "refused" : "unavailable"));
            return {};
        }
        Json shown = {{"status", answer->status}};
        const Json& object = answer->body;
        if (answer->status >= 300) shown["reason"] = object.value("reason", "");
        for (const char* part : {"data", "spec"}) {
            if (object.contains(part) && kind.find("pods") == std::string::npos) shown[part] = object[part];
        }
        if (object.contains("items")) shown["items"] = object["items"].size();
        const auto version = object.contains("metadata") ? object["metadata"].value("resourceVersion", "") : "";
        if (object.contains("metadata") && object["metadata"].contains("labels"))
            shown["labels"] = object["metadata"]["labels"];
        if (answer->status < 300 && !object.contains("items")) shown["version"] = name_of(version);
        say("  " + shown.dump());
        return version;
    }

    // Up to its first line.
    void watch(const std::string& name, const std::string& version) {
        say("watch configmaps/" + name + " from " + name_of(version));
        std::string line;
        const http::Sink sink = [&line](std::string_view piece) {
            line.append(piece);
            return line.find('\n') == std::string::npos ? http::Flow::more : http::Flow::enough;
        };
        auto target = client_.path("", "configmaps") + "?watch=1&fieldSelector=metadata.name%3D" + name +
                      "&resourceVersion=" + version;
        std::ignore = run(loop_, client_.watch(std::move(target), std::chrono::seconds(10), sink));
        const Json event = Json::parse(line.substr(0, line.find('\n')), nullptr, false);
        if (!event.is_object()) return say("  nothing");
        const Json& object = event["object"];
        say("  " + Json{{"type", event["type"]},
                        {"data", object.value("data", Json())},
                        {"version", name_of(object["metadata"].value("resourceVersion", ""))}}
                       .dump());
    }

    [[nodiscard]] std::string text() const { return text_; }

private:
    void say(const std::string& line) { text_ += line + "\n"; }

    static std::string text_of(const Json& body) {
        if (body.is_null()) return {};
        return body.is_string() ? body.get<std::string>() : body.dump();
    }

    // Versions are the server's own: they are called v1, v2 as they are met.
    std::string name_of(const std::string& version) {
        if (version.empty()) return "none";
        return names_.emplace(version, "v" + std::to_string(names_.size() + 1)).first->second;
    }
    Json with_names(Json body) {
        if (!body.is_object() || !body.contains("metadata") || !body["metadata"].contains("resourceVersion"))
            return body;
        body["metadata"]["resourceVersion"] = name_of(body["metadata"]["resourceVersion"]);
        return body;
    }

    boost::asio::io_context& loop_;
    KubernetesClient client_;
    std::map<std::string, std::string> names_;
    std::string text_;
};

Json config_map(const std::string& record, const std::string& version = {},
                const std::string& name = "pgbosun-orders") {
    Json body = {{"metadata", {{"name", name}}}, {"data", {{"record", record}}}};
    if (!version.empty()) body["metadata"]["resourceVersion"] = version;
    return body;
}

Json lease(const std::string& holder, const std::string& version = {}) {
    Json body = {{"metadata", {{"name", "pgbosun-orders"}}},
                 {"spec",
                  {{"holderIdentity", holder},
                   {"leaseDurationSeconds", 3},
                   {"acquireTime", "2026-01-02T15:04:05.000000Z"},
                   {"renewTime", "2026-01-02T15:04:06.000000Z"},
                   {"leaseTransitions", 0}}}};
    if (!version.empty()) body["metadata"]["resourceVersion"] = version;
    return body;
}

Json label(const Json& role) { return {{"metadata", {{"labels", {{"pgbosun.io/role", role}}}}}}; }

}  // namespace

std::string converse(boost::asio::io_context& loop, const KubernetesOptions& options) {
    Conversation it(loop, options);
    const std::string ours = "configmaps/pgbosun-orders";
    it.ask(Method::get, ours);
    it.ask(Method::put, ours, config_map("early", "1"));
    const auto first = it.ask(Method::post, "configmaps", config_map("first"));
    it.ask(Method::post, "configmaps", config_map("another"));
    it.ask(Method::get, ours);
    const auto second = it.ask(Method::put, ours, config_map("second", first));
    it.ask(Method::put, ours, config_map("late", first));
    it.ask(Method::put, ours, config_map("second", second));
    it.ask(Method::get, "configmaps?fieldSelector=metadata.name%3Dpgbosun-orders");
    it.watch("pgbosun-orders", first);
    it.ask(Method::post, "configmaps", Json("no object"));

    it.ask(Method::get, "leases/pgbosun-orders");
    const auto held = it.ask(Method::post, "leases", lease("one"));
    it.ask(Method::post, "leases", lease("two"));
    const auto resigned = it.ask(Method::put, "leases/pgbosun-orders", lease("", held));
    it.ask(Method::put, "leases/pgbosun-orders", lease("two", held));
    it.ask(Method::put, "leases/pgbosun-orders", lease("two", resigned));

    constexpr std::string_view merge = "application/merge-patch+json";
    it.ask(Method::patch, "pods/pg-1", label("primary"), merge);
    it.ask(Method::patch, "pods/pg-1", label(nullptr), merge);
    it.ask(Method::patch, "pods/pg-2", label("standby"), merge);
    return it.text();
}

std::string recorded_conversation() {
    std::ostringstream text;
    text << std::ifstream(PGBOSUN_CONVERSATION).rdbuf();
    return text.str();
}

void record_conversation(const std::string& said) {
    if (std::getenv("PGBOSUN_RECORD_CONVERSATION") != nullptr) std::ofstream(PGBOSUN_CONVERSATION) << said;
}

}  // namespace pgbosun::test
