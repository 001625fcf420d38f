#include "cluster_record/kubernetes_record.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgbosun::cluster_record {
namespace {

using Json = nlohmann::json;

constexpr std::string_view coordination = "coordination.k8s.io";
constexpr std::size_t longest_line = 4U << 20U;  // of a watch: a ConfigMap and what is around it

// A text of a nested object; empty: it is not there.
std::string text_at(const Json& json, std::initializer_list<const char*> path) {
    const Json* at = &json;
    for (const char* key : path) {
        if (!at->is_object() || !at->contains(key)) return {};
        at = &(*at)[key];
    }
    return at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t number_at(const Json& json, const char* outer, const char* inner) {
    if (!json.is_object() || !json.contains(outer) || !json[outer].is_object()) return 0;
    const Json& object = json[outer];
    return object.contains(inner) && object[inner].is_number_integer() ? object[inner].get<std::int64_t>() : 0;
}

std::string version_of(const Json& object) { return text_at(object, {"metadata", "resourceVersion"}); }

// Kubernetes wants six digits behind the point.
std::string micro_time(WallTime time) {
    std::string text = to_iso8601(time);
    return text.insert(text.size() - 1, "000");
}

// The lines of a watch as they come in pieces.
struct Watching {
    std::string pending;
    std::string version;   // of the last object that was told of
    bool too_old = false;  // the server has forgotten where we were
    bool broken = false;

    http::Flow take(std::string_view piece) {
        pending.append(piece);
        const auto end = pending.find('\n');
        if (end == std::string::npos) {
            broken = pending.size() > longest_line;
            return broken ? http::Flow::enough : http::Flow::more;
        }
        const Json event = Json::parse(pending.substr(0, end), nullptr, false);
        const std::string type = text_at(event, {"type"});
        if (type == "ERROR") {
            too_old = number_at(event, "object", "code") == 410;
        } else {
            version = text_at(event, {"object", "metadata", "resourceVersion"});
        }
        broken = !too_old && version.empty();
        return http::Flow::enough;
    }
};

}  // namespace

KubernetesRecord::KubernetesRecord(KubernetesClient client, const Clock& clock)
    : client_(std::move(client)), clock_(clock), name_("pgbosun-" + client_.options().cluster) {}

Json KubernetesRecord::config_map(std::string text) const {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata",
             {{"name", name_},
              {"labels",
               {{"app.kubernetes.io/managed-by", "pgbosun-controller"},
                {"pgbosun.io/cluster", client_.options().cluster}}}}},
            {"data", {{"record", std::move(text)}}}};
}

Task<Result<RecordText>> KubernetesRecord::read() {
    std::string target = client_.path("", "configmaps/" + name_);
    std::string none;
    const auto answer = co_await client_.ask(http::Method::get, std::move(target), std::move(none));
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status == 404) co_return fail(FaultKind::not_found, "there is no ConfigMap " + name_);
    const Json& body = answer->body;
    const bool has_record = body.contains("data") && body["data"].is_object() && body["data"].contains("record");
    if (!has_record || version_of(body).empty()) {
        co_return fail(
            FaultKind::corrupt, "the ConfigMap " + name_ + " has no `record`",
            "put it back from a backup of the engine; without one see \"The record is lost\" in operations.md");
    }
    co_return RecordText{text_at(body, {"data", "record"}), Revision{version_of(body)}};
}

Task<Result<Revision>> KubernetesRecord::store(http::Method method, std::string target, Json body) {
    std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto answer = co_await client_.ask(method, std::move(target), std::move(text));
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status == 404 || answer->status == 409) {
        co_return fail(FaultKind::conflict, "the object " + name_ + " in Kubernetes is not the one that was read");
    }
    co_return Revision{version_of(answer->body)};
}

Task<Result<Revision>> KubernetesRecord::create(std::string text) {
    return store(http::Method::post, client_.path("", "configmaps"), config_map(std::move(text)));
}

Task<Result<Revision>> KubernetesRecord::replace(std::string text, Revision expected) {
    Json body = config_map(std::move(text));
    body["metadata"]["resourceVersion"] = expected.value;
    return store(http::Method::put, client_.path("", "configmaps/" + name_), std::move(body));
}

Task<Result<>> KubernetesRecord::begin_watching() {
    std::string target = client_.path("", "configmaps") + "?fieldSelector=metadata.name%3D" + name_;
    std::string none;
    const auto answer = co_await client_.ask(http::Method::get, std::move(target), std::move(none));
    if (!answer) co_return std::unexpected(answer.error());
    told_until_ = version_of(answer->body);
    if (!told_until_->empty()) co_return Result<>{};
    told_until_.reset();
    co_return fail(FaultKind::corrupt, "a list of ConfigMaps without a resourceVersion");
}

Task<Result<RecordChange>> KubernetesRecord::changed(Duration wait) {
    if (!told_until_) {
        const auto begun = co_await begin_watching();
        if (!begun) co_return std::unexpected(begun.error());
        co_return RecordChange::seen;
    }
    std::string target = client_.path("", "configmaps") + "?watch=1&fieldSelector=metadata.name%3D" + name_ +
                         "&resourceVersion=" + *told_until_;
    Watching watching;
    http::Sink sink = [&watching](std::string_view piece) { return watching.take(piece); };
    const auto until = std::chrono::steady_clock::now() + wait;
    const auto answered = co_await client_.watch(std::move(target), wait, std::move(sink));
    if (watching.too_old || (answered && *answered == 410)) {
        told_until_.reset();  // all is read anew
        co_return co_await changed(wait);
    }
    if (!watching.version.empty()) {
        told_until_ = watching.version;
        co_return RecordChange::seen;
    }
    if (watching.broken) co_return fail(FaultKind::unavailable, "Kubernetes ended the watch with an error");
    if (answered || std::chrono::steady_clock::now() >= until) co_return RecordChange::none;
    co_return std::unexpected(answered.error());
}

Task<Result<std::optional<KubernetesRecord::Lease>>> KubernetesRecord::read_lease() {
    std::string target = client_.path(coordination, "leases/" + name_);
    std::string none;
    const auto answer = co_await client_.ask(http::Method::get, std::move(target), std::move(none));
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->status == 404) co_return std::optional<Lease>();
    const Json& body = answer->body;
    Lease lease;
    lease.holder = text_at(body, {"spec", "holderIdentity"});
    lease.version = version_of(body);
    lease.duration = std::chrono::seconds(number_at(body, "spec", "leaseDurationSeconds"));
    lease.acquired = text_at(body, {"spec", "acquireTime"});
    lease.transitions = number_at(body, "spec", "leaseTransitions");
    if (!lease.holder.empty() && (!observed_ || observed_->version != lease.version)) {
        observed_ = {lease.version, clock_.now()};
    }
    co_return std::optional(std::move(lease));
}

bool KubernetesRecord::is_over(const Lease& lease) {
    if (lease.holder.empty()) return true;
    const Duration wait = lease.duration + lease.duration / 20;
    return observed_ && observed_->version == lease.version && clock_.now() - observed_->since >= wait;
}

Task<Result<>> KubernetesRecord::write_lease(std::optional<Lease> over, std::string holder, Duration duration) {
    const std::string now = micro_time(clock_.wall());
    const bool same = over && over->holder == holder;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    Json body = {{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", {{"name", name_}}}};
    body["spec"] = {{"holderIdentity", holder},
                    {"leaseDurationSeconds", seconds},
                    {"acquireTime", same && !over->acquired.empty() ? over->acquired : now},
                    {"renewTime", now},
                    {"leaseTransitions", over ? over->transitions + (same || holder.empty() ? 0 : 1) : 0}};
    if (over) body["metadata"]["resourceVersion"] = over->version;
    const auto method = over ? http::Method::put : http::Method::post;
    std::string target = client_.path(coordination, over ? "leases/" + name_ : "leases");
    const auto stored = co_await store(method, std::move(target), std::move(body));
    if (!stored) co_return std::unexpected(stored.error());
    co_return Result<>{};
}

// Reads and writes the Lease, unless it is another's.
Task<Result<>> KubernetesRecord::hold(Duration ttl) {
    auto lease = co_await read_lease();
    if (!lease) co_return std::unexpected(std::move(lease.error()));
    std::string self = client_.options().candidate;
    if (*lease && (*lease)->holder != self && !is_over(**lease)) {
        ttl_ = Duration{};
        co_return fail(FaultKind::conflict, (*lease)->holder + " leads");
    }
    ttl_ = ttl;
    co_return co_await write_lease(std::move(*lease), std::move(self), ttl);
}

Task<Result<>> KubernetesRecord::campaign(Duration ttl) { return hold(ttl); }

Task<Result<>> KubernetesRecord::keep() {
    const auto lease = co_await read_lease();
    if (!lease) co_return std::unexpected(lease.error());
    std::string self = client_.options().candidate;
    if (ttl_ == Duration{} || !*lease || (*lease)->holder != self) {
        ttl_ = Duration{};
        co_return fail(FaultKind::conflict, "this candidate leads no longer");
    }
    std::optional<Lease> ours = *lease;
    co_return co_await write_lease(std::move(ours), std::move(self), ttl_);
}

Task<Result<>> KubernetesRecord::resign() {
    ttl_ = Duration{};
    auto lease = co_await read_lease();
    if (!lease) co_return std::unexpected(std::move(lease.error()));
    if (!*lease || (*lease)->holder != client_.options().candidate) co_return Result<>{};
    std::string nobody;
    const auto written = co_await write_lease(std::move(*lease), std::move(nobody), std::chrono::seconds(1));
    // conflict: another has taken it meanwhile.
    if (written || written.error().kind == FaultKind::conflict) co_return Result<>{};
    co_return written;
}

Task<Result<std::optional<std::string>>> KubernetesRecord::leader() {
    auto lease = co_await read_lease();
    if (!lease) co_return std::unexpected(std::move(lease.error()));
    if (!*lease || is_over(**lease)) co_return std::optional<std::string>();
    co_return std::optional(std::move((*lease)->holder));
}

std::string KubernetesRecord::describe() const {
    return "Kubernetes, ConfigMap and Lease " + client_.options().name_space + "/" + name_;
}

}  // namespace pgbosun::cluster_record
