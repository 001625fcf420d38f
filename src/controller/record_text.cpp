#include "controller/record_text.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace pgbosun::controller {
namespace {

using Json = nlohmann::ordered_json;

constexpr int format = 1;
constexpr std::uint64_t longest_lease_ms = 86'400'000;

Json rule_json(const SynchronousRule& rule) {
    return {{"version", rule.version},
            {"method", rule.method == SyncMethod::any ? "any" : "first"},
            {"number", rule.number},
            {"names", rule.names}};
}

Json list_json(const PromotableList& list) { return {{"version", list.version}, {"names", list.names}}; }

// One object each of whose fields must be there and be what it should, and which must hold no other: what is not understood
// would be lost with the next write. Only the first complaint is kept.
class Fields {
public:
    Fields(const Json& json, std::string name, std::string& complaint)
        : json_(json), name_(std::move(name)), complaint_(complaint) {
        if (!json_.is_object()) complain("", "must be an object");
    }
    Fields(const Fields&) = delete;
    Fields& operator=(const Fields&) = delete;
    ~Fields() {
        if (json_.is_object() && json_.size() != taken_) complain("", "holds what is not known here");
    }

    const Json* take(const char* key) {
        const auto field = json_.is_object() ? json_.find(key) : json_.end();
        if (field == json_.end()) complain(key, "is missing");
        if (field == json_.end()) return nullptr;
        ++taken_;
        return &*field;
    }
    void text(const char* key, std::string& into) {
        const Json* field = take(key);
        if (field == nullptr) return;
        field->is_string() ? void(into = field->get<std::string>()) : complain(key, "must be a string");
    }
    std::uint64_t number(const char* key, std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
        const Json* field = take(key);
        const bool good = field != nullptr && field->is_number_unsigned() && field->get<std::uint64_t>() <= most;
        if (!good) complain(key, "must be a whole number, and not too large");
        return good ? field->get<std::uint64_t>() : 0;
    }
    void truth(const char* key, bool& into) {
        const Json* field = take(key);
        if (field == nullptr) return;
        field->is_boolean() ? void(into = field->get<bool>()) : complain(key, "must be true or false");
    }
    // Whether it is `yes`; `no` is the only other word.
    bool word(const char* key, std::string_view yes, std::string_view no) {
        std::string given;
        text(key, given);
        if (given != yes && given != no) complain(key, "is none of the words that it may be");
        return given == yes;
    }
    void names(const char* key, std::vector<std::string>& into) {
        const Json* field = take(key);
        if (field == nullptr) return;
        const auto is_name = [](const Json& it) { return it.is_string() && it != ""; };
        if (!field->is_array() || !std::ranges::all_of(*field, is_name))
            return complain(key, "must be a list of names");
        into = field->get<std::vector<std::string>>();
    }
    template <class Read>
    void object(const char* key, Read read) {
        const Json* field = take(key);
        if (field == nullptr) return;
        Fields inner(*field, path(key), complaint_);
        read(inner);
    }
    template <class Read>
    void each(const char* key, Read read) {
        const Json* field = take(key);
        if (field == nullptr) return;
        if (!field->is_array()) return complain(key, "must be a list");
        for (const auto& element : *field) {
            Fields inner(element, path(key), complaint_);
            read(inner);
        }
    }
    void complain(std::string_view key, std::string_view what) {
        const std::string of = path(key);
        if (complaint_.empty()) complaint_ = (of.empty() ? "it" : "\"" + of + "\"") + " " + std::string(what);
    }

private:
    [[nodiscard]] std::string path(std::string_view key) const {
        return name_.empty() || key.empty() ? name_ + std::string(key) : name_ + "." + std::string(key);
    }

    const Json& json_;
    std::string name_;
    std::string& complaint_;
    std::size_t taken_ = 0;
};

SynchronousRule rule_of(Fields& fields) {
    SynchronousRule rule;
    rule.version = fields.number("version");
    rule.method = fields.word("method", "first", "any") ? SyncMethod::first : SyncMethod::any;
    rule.number = static_cast<int>(fields.number("number", std::numeric_limits<int>::max()));
    fields.names("names", rule.names);
    return rule;
}

PromotableList list_of(Fields& fields) {
    PromotableList list;
    list.version = fields.number("version");
    fields.names("names", list.names);
    return list;
}

std::int64_t milliseconds(Duration it) { return std::chrono::duration_cast<std::chrono::milliseconds>(it).count(); }

Duration duration_of(Fields& fields, const char* key) {
    return std::chrono::milliseconds(fields.number(key, longest_lease_ms));
}

// As text: JSON readers that use doubles would round it. null: none yet.
std::optional<SystemId> system_id_of(Fields& fields) {
    const Json* field = fields.take("system_id");
    if (field == nullptr || field->is_null()) return std::nullopt;
    const auto text = field->is_string() ? field->get<std::string>() : "";
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole) fields.complain("system_id", "must be a whole number as a string, or null");
    return SystemId{id};
}

Record record_of(Fields& fields) {
    Record record;
    std::ignore = fields.take("format");
    fields.text("cluster", record.cluster);
    record.term = fields.number("term");
    fields.text("primary", record.primary);
    fields.text("source", record.source);
    record.chosen = fields.word("chosen", "all_stopped", "from_list") ? Chosen::all_stopped : Chosen::from_list;
    record.data_loss = fields.word("data_loss", "accepted", "refused") ? DataLoss::accepted : DataLoss::refused;
    fields.text("handed_by", record.handed_by);
    fields.names("former", record.former);
    fields.each("former_terms", [&](Fields& it) {
        std::string name;
        it.text("name", name);
        record.former_terms[name] = it.number("term");
    });
    fields.names("lost", record.lost);
    fields.object("promotable", [&](Fields& list) { record.promotable = list_of(list); });
    fields.object("acknowledged", [&](Fields& list) { record.acknowledged = list_of(list); });
    fields.object("synchronous", [&](Fields& rule) { record.synchronous = rule_of(rule); });
    fields.each("superseded", [&](Fields& rule) { record.superseded.push_back(rule_of(rule)); });
    record.system_id = system_id_of(fields);
    fields.truth("paused", record.paused);
    record.lease_ttl = duration_of(fields, "lease_ttl_ms");
    record.longest_lease = duration_of(fields, "longest_lease_ms");
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
                 {"former_terms", Json::array()},
                 {"lost", record.lost},
                 {"promotable", list_json(record.promotable)},
                 {"acknowledged", list_json(record.acknowledged)},
                 {"synchronous", rule_json(record.synchronous)},
                 {"superseded", Json::array()},
                 {"system_id", record.system_id ? Json(std::to_string(number(*record.system_id))) : Json()},
                 {"paused", record.paused},
                 {"lease_ttl_ms", milliseconds(record.lease_ttl)},
                 {"longest_lease_ms", milliseconds(record.longest_lease)}};
    for (const auto& [name, term] : record.former_terms)
        json["former_terms"].push_back({{"name", name}, {"term", term}});
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
    const auto written = json.find("format");
    const bool ours = written != json.end() && written->is_number_unsigned() && *written == format;
    if (!ours) return corrupt("another format");
    // Records of before a cluster could follow another one, and of before handovers, lost ones, leases and former terms were kept in them.
    if (!json.contains("source")) json["source"] = "";
    if (!json.contains("handed_by")) json["handed_by"] = "";
    if (!json.contains("lost")) json["lost"] = Json::array();
    if (!json.contains("former_terms")) json["former_terms"] = Json::array();
    const bool leases = json.contains("lease_ttl_ms") || json.contains("longest_lease_ms");
    if (!leases) json["lease_ttl_ms"] = json["longest_lease_ms"] = 0U;
    Record record;
    std::string complaint;
    {
        Fields fields(json, "", complaint);
        record = record_of(fields);
    }
    if (!complaint.empty()) return corrupt(complaint);
    return record;
}

}  // namespace pgbosun::controller
