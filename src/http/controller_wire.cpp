#include <algorithm>
#include <nlohmann/json.hpp>

#include "http/controller_api.hpp"
#include "http/request_body.hpp"
#include "http/wire.hpp"
#include "http/wrong_request.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json instance_json(const SeenInstance& seen, Instant now) {
    Json json = {{"name", seen.name}, {"url", seen.url}, {"answers", seen.answers}};
    json["trouble"] = seen.trouble.empty() ? Json() : Json(seen.trouble);
    json["heard_s"] = seen.heard_at ? Json(std::chrono::duration<double>(now - *seen.heard_at).count()) : Json();
    json["status"] = seen.status ? Json::parse(render_status(*seen.status), nullptr, false) : Json();
    return json;
}

std::string text_at(const Json& json, const char* key) {
    const auto field = json.find(key);
    return field != json.end() && field->is_string() ? field->get<std::string>() : std::string();
}

bool truth_at(const Json& json, const char* key) {
    const auto field = json.find(key);
    return field != json.end() && field->is_boolean() && field->get<bool>();
}

std::uint64_t number_at(const Json& json, const char* key) {
    const auto field = json.find(key);
    return field != json.end() && field->is_number_unsigned() ? field->get<std::uint64_t>() : 0;
}

std::vector<std::string> texts_at(const Json& json, const char* key) {
    std::vector<std::string> texts;
    const auto field = json.find(key);
    if (field == json.end() || !field->is_array()) return texts;
    for (const auto& text : *field) {
        if (text.is_string()) texts.push_back(text.get<std::string>());
    }
    return texts;
}

SeenInstance read_instance(const Json& json) {
    SeenInstance seen;
    seen.name = text_at(json, "name");
    seen.url = text_at(json, "url");
    seen.answers = truth_at(json, "answers");
    seen.trouble = text_at(json, "trouble");
    const auto status = json.find("status");
    if (status == json.end() || !status->is_object()) return seen;
    if (auto parsed = parse_status(status->dump())) seen.status = std::move(*parsed);
    return seen;
}

}  // namespace

std::string render_controller_status(const ControllerStatus& status) {
    Json json = {{"cluster", status.cluster},
                 {"version", PGBOSUN_VERSION},
                 {"controller", status.candidate},
                 {"leads", status.leads},
                 {"leader", status.leader.empty() ? Json() : Json(status.leader)},
                 {"leader_url", status.leader_url.empty() ? Json() : Json(status.leader_url)},
                 {"record", status.record_at},
                 {"record_answers", status.record_answers},
                 {"record_trouble", status.record_trouble.empty() ? Json() : Json(status.record_trouble)},
                 {"term", status.term},
                 {"primary", status.primary.empty() ? Json() : Json(status.primary)},
                 {"source", status.source.empty() ? Json() : Json(status.source)},
                 {"serving", status.serving},
                 {"paused", status.paused},
                 {"promotable", status.promotable}};
    json["synchronous"] = {{"method", status.synchronous.method == SyncMethod::any ? "any" : "first"},
                           {"number", status.synchronous.number},
                           {"names", status.synchronous.names}};
    json["candidates"] = status.candidates;
    json["no_candidate"] = status.no_candidate.empty() ? Json() : Json(status.no_candidate);
    json["waits_for"] = status.waits_for.empty() ? Json() : Json(status.waits_for);
    json["wanted"] = status.wanted.empty() ? Json() : Json(status.wanted);
    json["changes"] = status.changes;
    json["instances"] = Json::array();
    for (const auto& seen : status.instances) json["instances"].push_back(instance_json(seen, status.now));
    return text_of(json) + "\n";
}

Result<ControllerStatus> parse_controller_status(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains("controller") || !json.contains("instances")) {
        return fail(FaultKind::corrupt, "not the status of a controller", "is this the address of an instance?");
    }
    ControllerStatus status;
    status.cluster = text_at(json, "cluster");
    status.candidate = text_at(json, "controller");
    status.leads = truth_at(json, "leads");
    status.leader = text_at(json, "leader");
    status.leader_url = text_at(json, "leader_url");
    status.record_at = text_at(json, "record");
    status.record_answers = truth_at(json, "record_answers");
    status.record_trouble = text_at(json, "record_trouble");
    status.term = number_at(json, "term");
    status.primary = text_at(json, "primary");
    status.source = text_at(json, "source");
    status.serving = truth_at(json, "serving");
    status.paused = truth_at(json, "paused");
    status.promotable = texts_at(json, "promotable");
    if (const auto rule = json.find("synchronous"); rule != json.end() && rule->is_object()) {
        status.synchronous.method = text_at(*rule, "method") == "first" ? SyncMethod::first : SyncMethod::any;
        status.synchronous.number = static_cast<int>(std::min<std::uint64_t>(number_at(*rule, "number"), 1000));
        status.synchronous.names = texts_at(*rule, "names");
    }
    status.candidates = texts_at(json, "candidates");
    status.no_candidate = text_at(json, "no_candidate");
    status.waits_for = text_at(json, "waits_for");
    status.wanted = text_at(json, "wanted");
    status.changes = number_at(json, "changes");
    if (json["instances"].is_array()) {
        for (const auto& instance : json["instances"]) {
            if (instance.is_object()) status.instances.push_back(read_instance(instance));
        }
    }
    return status;
}

Result<ControllerWish> parse_wish(std::string_view body) {
    ControllerWish wish;
    if (body.empty()) return wish;
    const auto json = parse_body(body, R"({"to": "pg-2"})");
    if (!json) return std::unexpected(json.error());
    for (const auto& [name, value] : json->items()) {
        if (name != "to" && name != "source" && name != "lost") {
            return unknown_field(name, "here", {"to", "source", "lost"});
        }
        if (!value.is_string()) return wrong_field(name, "must be a string", "write it in quotation marks");
        (name == "to" ? wish.to : name == "lost" ? wish.lost : wish.source) = value.get<std::string>();
    }
    return wish;
}

std::string render_wish(const ControllerWish& wish) {
    Json json = Json::object();
    if (!wish.to.empty()) json["to"] = wish.to;
    if (!wish.source.empty()) json["source"] = wish.source;
    if (!wish.lost.empty()) json["lost"] = wish.lost;
    return json.empty() ? std::string() : text_of(json);
}

}  // namespace pgbosun::http
