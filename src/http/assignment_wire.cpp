#include "http/assignment_wire.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "http/request_body.hpp"

namespace pgbosun::http {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_entries = 64;
constexpr std::size_t longest_text = 1000;
constexpr std::uint64_t longest_clock_ms = std::numeric_limits<Duration::rep>::max() / 2'000'000;
constexpr std::uint64_t longest_ttl_ms = 3'600'000;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::int64_t milliseconds(Duration duration) { return std::chrono::floor<std::chrono::milliseconds>(duration).count(); }

Json lease_json(const Lease& lease) {
    return {{"boot_id", lease.echo.boot_id},
            {"monotonic_ms", milliseconds(lease.echo.at.time_since_epoch())},
            {"ttl_ms", milliseconds(lease.ttl)}};
}

Json reach_json(const Reach& reach) {
    return {{"term", reach.term}, {"timeline", number(reach.timeline)}, {"lsn", to_string(reach.lsn)}};
}

Json list_json(const PromotableList& list) { return {{"version", list.version}, {"names", list.names}}; }

Json rule_json(const SynchronousRule& rule) {
    return {{"version", rule.version},
            {"method", rule.method == SyncMethod::any ? "any" : "first"},
            {"number", rule.number},
            {"names", rule.names}};
}

Json peers_json(const std::vector<pgbosun::Peer>& peers) {
    Json json = Json::array();
    for (const auto& peer : peers)
        json.push_back({{"name", peer.name}, {"url", peer.url}, {"conninfo", peer.conninfo}});
    return json;
}

// One object whose fields are each read once; what nobody has read is a stranger. Only the first complaint is kept.
class Strict {
public:
    Strict(const Json& json, std::string name, std::string& complaint)
        : json_(json), name_(std::move(name)), complaint_(complaint) {
        if (!json_.is_object()) complain("", "must be an object");
    }
    Strict(const Strict&) = delete;
    Strict& operator=(const Strict&) = delete;
    ~Strict() {
        if (!json_.is_object()) return;
        for (const auto& [key, value] : json_.items()) {
            if (!read_.contains(key)) complain(key.substr(0, 100), "is not known here");
        }
    }

    [[nodiscard]] bool has(const char* key) const { return json_.is_object() && json_.contains(key); }

    void text(const char* key, std::string& into) {
        const Json* field = take(key);
        if (field == nullptr) return;
        if (!field->is_string()) return complain(key, "must be a string");
        into = field->get<std::string>();
        const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
        if (into.size() > longest_text) complain(key, "is too long");
        if (std::ranges::any_of(into, is_control)) complain(key, "holds a control character");
    }
    std::uint64_t number(const char* key, std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
        const Json* field = take(key);
        if (field == nullptr) return 0;
        if (!field->is_number_unsigned() || field->get<std::uint64_t>() > most) {
            complain(key, "must be a whole number, and not too large");
            return 0;
        }
        return field->get<std::uint64_t>();
    }
    void truth(const char* key, bool& into) {
        const Json* field = take(key);
        if (field != nullptr)
            field->is_boolean() ? void(into = field->get<bool>()) : complain(key, "must be true or false");
    }
    // Which of `words`.
    std::size_t word(const char* key, std::initializer_list<std::string_view> words) {
        std::string given;
        text(key, given);
        const auto found = std::ranges::find(words, given);
        if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
        complain(key, "is none of the words that it may be");
        return 0;
    }
    template <class Read>
    void object(const char* key, Read read) {
        const Json* field = take(key);
        if (field == nullptr) return;
        Strict inner(*field, path(key), complaint_);
        read(inner);
    }
    template <class Read>
    void list(const char* key, Read read) {
        const Json* field = take(key);
        if (field == nullptr) return;
        if (!field->is_array() || field->size() > most_entries) return complain(key, "must be a list of at most 64");
        for (const auto& element : *field) read(element, path(key));
    }
    void names(const char* key, std::vector<std::string>& into) {
        list(key, [&](const Json& element, const std::string&) {
            const bool good = element.is_string() && !element.get_ref<const std::string&>().empty() &&
                              element.get_ref<const std::string&>().size() <= longest_text;
            if (!good) return complain(key, "must hold names");
            into.push_back(element.get<std::string>());
            if (std::ranges::count(into, into.back()) > 1) complain(key, "holds a name twice");
        });
    }
    void complain(std::string_view key, std::string_view what) {
        if (complaint_.empty()) complaint_ = "field \"" + path(key) + "\": " + std::string(what);
    }

private:
    [[nodiscard]] std::string path(std::string_view key) const {
        return name_.empty() || key.empty() ? name_ + std::string(key) : name_ + "." + std::string(key);
    }
    const Json* take(const char* key) {
        if (!json_.is_object()) return nullptr;
        read_.insert(key);
        const auto field = json_.find(key);
        if (field != json_.end()) return &*field;
        complain(key, "is missing");
        return nullptr;
    }

    const Json& json_;
    std::string name_;
    std::string& complaint_;
    std::set<std::string> read_;
};

template <class Value, class Read>
Result<Value> parse(std::string_view body, Read read) {
    const auto json = parse_body(body, "docs/openapi.yaml says");
    if (!json) return std::unexpected(json.error());
    Value value;
    std::string complaint;
    {
        Strict top(*json, "", complaint);
        read(top, value);
    }
    if (!complaint.empty()) {
        return fail(FaultKind::refused, std::move(complaint), "controller and agents should be of the same version");
    }
    return value;
}

void read_lease(Strict& fields, Lease& lease) {
    fields.text("boot_id", lease.echo.boot_id);
    lease.echo.at = Instant(std::chrono::milliseconds(fields.number("monotonic_ms", longest_clock_ms)));
    lease.ttl = std::chrono::milliseconds(fields.number("ttl_ms", longest_ttl_ms));
}

void read_reach(Strict& fields, Reach& reach) {
    reach.term = fields.number("term");
    reach.timeline = Timeline{static_cast<std::uint32_t>(fields.number("timeline", 0xffffffffU))};
    std::string text;
    fields.text("lsn", text);
    const auto lsn = parse_lsn(text);
    if (!lsn) fields.complain("lsn", "must be a position such as 0/5000060");
    reach.lsn = lsn.value_or(Lsn{});
}

void read_peer(Strict& fields, pgbosun::Peer& peer) {
    fields.text("name", peer.name);
    fields.text("url", peer.url);
    fields.text("conninfo", peer.conninfo);
}

void read_peers(Strict& fields, std::vector<pgbosun::Peer>& peers) {
    std::string complaint;
    fields.list("peers", [&](const Json& element, const std::string& path) {
        Strict peer(element, path, complaint);
        read_peer(peer, peers.emplace_back());
    });
    if (!complaint.empty()) fields.complain("peers", "must hold name, url and conninfo of each, and nothing else");
}

// As text: JSON readers that use doubles would round it.
void read_system_id(Strict& fields, const std::string& text, AgentRecord& it) {
    if (text.empty()) return;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return fields.complain("system_id", "must be a number");
    it.system_id = SystemId{value};
}

void read_list(Strict& fields, PromotableList& list) {
    list.version = fields.number("version");
    fields.names("names", list.names);
}

void read_synchronous(Strict& fields, SynchronousRule& rule) {
    rule.version = fields.number("version");
    rule.method = fields.word("method", {"any", "first"}) == 0 ? SyncMethod::any : SyncMethod::first;
    rule.number = static_cast<int>(fields.number("number", most_entries));
    fields.names("names", rule.names);
}

void read_assignment(Strict& fields, Assignment& it) {
    fields.text("cluster", it.cluster);
    fields.text("instance", it.instance);
    it.term = fields.number("term");
    fields.text("primary", it.primary);
    if (fields.has("upstream")) fields.text("upstream", it.upstream);
    fields.object("promotable", [&](Strict& list) { read_list(list, it.promotable); });
    fields.object("synchronous", [&](Strict& rule) { read_synchronous(rule, it.synchronous); });
    read_peers(fields, it.peers);
    if (fields.has("lease")) fields.object("lease", [&](Strict& lease) { read_lease(lease, it.lease.emplace()); });
    it.former = fields.word("former", {"perhaps_alive", "stopped"}) == 0 ? FormerPrimary::perhaps_alive
                                                                         : FormerPrimary::stopped;
    fields.object("at_least", [&](Strict& reach) { read_reach(reach, it.at_least); });
}

}  // namespace

std::string render_assignment(const Assignment& it) {
    Json json = {{"cluster", it.cluster}, {"instance", it.instance}, {"term", it.term}, {"primary", it.primary}};
    if (!it.upstream.empty()) json["upstream"] = it.upstream;
    json["promotable"] = list_json(it.promotable);
    json["synchronous"] = rule_json(it.synchronous);
    json["peers"] = peers_json(it.peers);
    if (it.lease) json["lease"] = lease_json(*it.lease);
    json["former"] = it.former == FormerPrimary::stopped ? "stopped" : "perhaps_alive";
    json["at_least"] = reach_json(it.at_least);
    return text_of(json);
}

Result<Assignment> parse_assignment(std::string_view body) { return parse<Assignment>(body, read_assignment); }

std::string render_promise_request(const PromiseRequest& request) {
    return text_of({{"cluster", request.cluster},
                    {"from", request.from},
                    {"term", request.term},
                    {"lease", lease_json(request.lease)}});
}

Result<PromiseRequest> parse_promise_request(std::string_view body) {
    return parse<PromiseRequest>(body, [](Strict& fields, PromiseRequest& request) {
        fields.text("cluster", request.cluster);
        fields.text("from", request.from);
        request.term = fields.number("term");
        fields.object("lease", [&](Strict& lease) { read_lease(lease, request.lease); });
    });
}

std::string render_promise_answer(const PromiseAnswer& answer) {
    return text_of({{"from", answer.from},
                    {"term", answer.term},
                    {"promised", answer.promised},
                    {"lease", lease_json(answer.lease)}});
}

Result<PromiseAnswer> parse_promise_answer(std::string_view body) {
    return parse<PromiseAnswer>(body, [](Strict& fields, PromiseAnswer& answer) {
        fields.text("from", answer.from);
        answer.term = fields.number("term");
        fields.truth("promised", answer.promised);
        fields.object("lease", [&](Strict& lease) { read_lease(lease, answer.lease); });
    });
}

std::string render_agent_record(const AgentRecord& it) {
    return text_of({{"cluster", it.cluster},
                    {"instance", it.instance},
                    {"term", it.term},
                    {"primary", it.primary},
                    {"upstream", it.upstream},
                    {"accepted", it.accepted},
                    {"first_term", it.first_term},
                    {"data_term", it.data_term},
                    {"promotable", list_json(it.promotable)},
                    {"synchronous", rule_json(it.synchronous)},
                    {"peers", peers_json(it.peers)},
                    {"longest_promise_ms", milliseconds(it.longest_promise)},
                    {"system_id", it.system_id ? std::to_string(number(*it.system_id)) : ""}}) +
           "\n";
}

Result<AgentRecord> parse_agent_record(std::string_view text) {
    return parse<AgentRecord>(text, [](Strict& fields, AgentRecord& it) {
        fields.text("cluster", it.cluster);
        fields.text("instance", it.instance);
        it.term = fields.number("term");
        fields.text("primary", it.primary);
        if (fields.has("upstream")) fields.text("upstream", it.upstream);
        it.accepted = fields.number("accepted");
        // Earlier versions did not write it: what they did is not vouched for.
        it.first_term = fields.has("first_term") ? fields.number("first_term") : it.term;
        it.data_term = fields.number("data_term");
        fields.object("promotable", [&](Strict& list) { read_list(list, it.promotable); });
        fields.object("synchronous", [&](Strict& rule) { read_synchronous(rule, it.synchronous); });
        read_peers(fields, it.peers);
        it.longest_promise = std::chrono::milliseconds(fields.number("longest_promise_ms", longest_ttl_ms));
        std::string system_id;
        fields.text("system_id", system_id);
        read_system_id(fields, system_id, it);
    });
}

}  // namespace pgbosun::http
