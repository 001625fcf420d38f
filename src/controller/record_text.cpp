#include "controller/record_text.hpp"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

namespace pgbosun::controller {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format = 1;
constexpr std::size_t fields_of_record = 17;

Json rule_json(const SynchronousRule& rule) {
    return {{"version", rule.version},
            {"method", rule.method == SyncMethod::any ? "any" : "first"},
            {"number", rule.number},
            {"names", rule.names}};
}

Json list_json(const PromotableList& list) { return {{"version", list.version}, {"names", list.names}}; }

// Reads what must be there; nlohmann's exceptions for what is not are caught in parse_record.
SynchronousRule rule_of(const Json& json) {
    SynchronousRule rule;
    json.at("version").get_to(rule.version);
    rule.method = json.at("method").get<std::string>() == "first" ? SyncMethod::first : SyncMethod::any;
    json.at("number").get_to(rule.number);
    json.at("names").get_to(rule.names);
    return rule;
}

PromotableList list_of(const Json& json) {
    return {json.at("version").get<std::uint64_t>(), json.at("names").get<std::vector<std::string>>()};
}

std::int64_t milliseconds(Duration it) { return std::chrono::duration_cast<std::chrono::milliseconds>(it).count(); }

Duration duration_of(const Json& json) { return std::chrono::milliseconds(json.get<std::int64_t>()); }

std::optional<SystemId> system_id_of(const Json& json) {
    if (json.is_null()) return std::nullopt;
    const auto text = json.get<std::string>();
    std::uint64_t id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id);
    return SystemId{id};
}

Record record_of(const Json& json) {
    Record record;
    json.at("cluster").get_to(record.cluster);
    json.at("term").get_to(record.term);
    json.at("primary").get_to(record.primary);
    json.at("source").get_to(record.source);
    record.chosen = json.at("chosen").get<std::string>() == "all_stopped" ? Chosen::all_stopped : Chosen::from_list;
    record.data_loss = json.at("data_loss").get<std::string>() == "accepted" ? DataLoss::accepted : DataLoss::refused;
    json.at("handed_by").get_to(record.handed_by);
    json.at("former").get_to(record.former);
    json.at("lost").get_to(record.lost);
    record.promotable = list_of(json.at("promotable"));
    record.acknowledged = list_of(json.at("acknowledged"));
    record.synchronous = rule_of(json.at("synchronous"));
    for (const auto& rule : json.at("superseded")) record.superseded.push_back(rule_of(rule));
    record.system_id = system_id_of(json.at("system_id"));
    json.at("paused").get_to(record.paused);
    record.lease_ttl = duration_of(json.at("lease_ttl_ms"));
    record.longest_lease = duration_of(json.at("longest_lease_ms"));
    return record;
}

}  // namespace

std::string to_text(const Record& record) {
    Json json = {{"format", format},
                 {"cluster", record.cluster},
                 {"term", record.term},
                 {"primary", record.primary},
                 {"source", record.source},
                 {"chosen", record.chosen == Chosen::all_stopped ? "all_stopped" : "from_list"},
                 {"data_loss", record.data_loss == DataLoss::accepted ? "accepted" : "refused"},
                 {"handed_by", record.handed_by},
                 {"former", record.former},
                 {"lost", record.lost},
                 {"promotable", list_json(record.promotable)},
                 {"acknowledged", list_json(record.acknowledged)},
                 {"synchronous", rule_json(record.synchronous)},
                 {"superseded", Json::array()},
                 {"system_id", record.system_id ? Json(std::to_string(number(*record.system_id))) : Json()},
                 {"paused", record.paused},
                 {"lease_ttl_ms", milliseconds(record.lease_ttl)},
                 {"longest_lease_ms", milliseconds(record.longest_lease)}};
    for (const auto& rule : record.superseded) json["superseded"].push_back(rule_json(rule));
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Record> parse_record(std::string_view text) {
    const auto corrupt = [](const std::string& why) {
        return fail(
            FaultKind::corrupt, "the record cannot be read: " + why,
            "a later version wrote it, or a person: run one version of the controller, or put the record right");
    };
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return corrupt("it is no JSON object");
    if (json.value("format", 0) != format) return corrupt("another format");
    // Records of before a cluster could follow another one, and of before handovers, lost ones and leases were kept in them.
    if (!json.contains("source")) json["source"] = "";
    if (!json.contains("handed_by")) json["handed_by"] = "";
    if (!json.contains("lost")) json["lost"] = Json::array();
    if (!json.contains("lease_ttl_ms")) json["lease_ttl_ms"] = json["longest_lease_ms"] = 0;
    if (json.size() != fields_of_record + 1) return corrupt("another format");
    try {
        return record_of(json);
    } catch (const Json::exception& error) {
        return corrupt(error.what());
    }
}

}  // namespace pgbosun::controller
