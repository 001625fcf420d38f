#include "cluster_record/etcd_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace pgbosun::cluster_record {
namespace {

using Json = nlohmann::json;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::unexpected<Fault> odd(std::string_view what) {
    return fail(FaultKind::corrupt, "etcd answered something else than " + std::string(what),
                "the endpoints must be etcd's client URLs, version 3.4 or newer");
}

// A number as text, or as a number, or left out.
std::optional<std::int64_t> integer(const Json& object, const char* key) {
    const auto field = object.find(key);
    if (field == object.end()) return 0;
    if (field->is_number_integer()) return field->get<std::int64_t>();
    if (!field->is_string()) return std::nullopt;
    const auto& text = field->get_ref<const std::string&>();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool truth(const Json& object, const char* key) {
    const auto field = object.find(key);
    return field != object.end() && field->is_boolean() && field->get<bool>();
}

const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto field = object.find(key);
    return field == object.end() ? nullptr : &*field;
}

// The store's revision, which every answer carries.
std::optional<std::int64_t> revision_of(const Json& answer) {
    const Json* header = member(answer, "header");
    if (header == nullptr || !header->is_object()) return std::nullopt;
    return integer(*header, "revision");
}

std::optional<EtcdValue> value_of(const Json& kv) {
    if (!kv.is_object()) return std::nullopt;
    const auto mod = integer(kv, "mod_revision");
    const auto lease = integer(kv, "lease");
    const Json* encoded = member(kv, "value");
    auto value = encoded == nullptr     ? std::optional<std::string>("")
                 : encoded->is_string() ? from_base64(encoded->get_ref<const std::string&>())
                                        : std::nullopt;
    if (!mod || !lease || !value) return std::nullopt;
    return EtcdValue{std::move(*value), *mod, *lease};
}

// False: it is no list of at most one key.
bool read_kvs(const Json& range, std::optional<EtcdValue>& into) {
    const Json* kvs = member(range, "kvs");
    if (kvs == nullptr) return range.is_object();
    if (!kvs->is_array() || kvs->size() > 1) return false;
    if (kvs->empty()) return true;
    into = value_of(kvs->front());
    return into.has_value();
}

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto byte = [&](std::size_t i) -> unsigned {
            return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U;
        };
        const unsigned bits = byte(0) << 16U | byte(1) << 8U | byte(2);
        const std::size_t left = bytes.size() - at;
        text += alphabet[bits >> 18U];
        text += alphabet[bits >> 12U & 63U];
        text += left > 1 ? alphabet[bits >> 6U & 63U] : '=';
        text += left > 2 ? alphabet[bits & 63U] : '=';
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    std::string bytes;
    unsigned bits = 0, held = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 6U | static_cast<unsigned>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        bytes += static_cast<char>(bits >> held & 0xffU);
    }
    if ((bits & ((1U << held) - 1U)) != 0) return std::nullopt;
    return bytes;
}

std::string range_request(std::string_view key) { return Json{{"key", to_base64(key)}}.dump(); }

Result<EtcdAnswer> parse_range(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    EtcdAnswer answer;
    const auto revision = revision_of(json);
    if (!revision || !read_kvs(json, answer.current)) return odd("a key's value");
    answer.revision = *revision;
    return answer;
}

std::string put_request(const EtcdPut& put) {
    const std::string key = to_base64(put.key);
    Json compare = {{"key", key}, {"result", "EQUAL"}};
    if (put.mod_revision == 0) {
        compare["target"] = "CREATE";
        compare["create_revision"] = "0";
    } else {
        compare["target"] = "MOD";
        compare["mod_revision"] = std::to_string(put.mod_revision);
    }
    Json change = {{"key", key}, {"value", to_base64(put.value)}};
    if (put.lease != 0) change["lease"] = std::to_string(put.lease);
    return Json{{"compare", Json::array({compare})},
                {"success", Json::array({Json{{"request_put", change}}})},
                {"failure", Json::array({Json{{"request_range", {{"key", key}}}}})}}
        .dump();
}

Result<EtcdAnswer> parse_put(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    const auto revision = revision_of(json);
    if (!revision) return odd("the outcome of a transaction");
    EtcdAnswer answer;
    answer.revision = *revision;
    answer.succeeded = truth(json, "succeeded");
    if (answer.succeeded) return answer;
    const Json* responses = member(json, "responses");
    const Json* range = responses != nullptr && responses->is_array() && responses->size() == 1
                            ? member(responses->front(), "response_range")
                            : nullptr;
    if (range == nullptr || !read_kvs(*range, answer.current)) return odd("the outcome of a transaction");
    return answer;
}

std::string grant_request(std::int64_t ttl_s) { return Json{{"TTL", std::to_string(ttl_s)}}.dump(); }

std::string lease_request(std::int64_t id) { return Json{{"ID", std::to_string(id)}}.dump(); }

// Keeping alive is a stream of its own, whose messages are below "result".
Result<EtcdLease> parse_lease(std::string_view body) {
    const Json json = Json::parse(body.substr(0, body.find('\n')), nullptr, false);
    const Json* result = member(json, "result");
    const Json& answer = result != nullptr ? *result : json;
    if (!answer.is_object()) return odd("a lease");
    const auto id = integer(answer, "ID");
    const auto ttl_s = integer(answer, "TTL");
    if (!id || !ttl_s || *id == 0) return odd("a lease");
    return EtcdLease{*id, std::max<std::int64_t>(0, *ttl_s)};
}

std::string watch_request(std::string_view prefix, std::int64_t from) {
    std::string end(prefix);
    ++end.back();
    return Json{{"create_request",
                 {{"key", to_base64(prefix)}, {"range_end", to_base64(end)}, {"start_revision", std::to_string(from)}}}}
        .dump();
}

Result<EtcdWatched> parse_watched(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    const Json* result = member(json, "result");
    const auto revision = result == nullptr ? std::nullopt : revision_of(*result);
    const auto compacted = result == nullptr ? std::nullopt : integer(*result, "compact_revision");
    if (!revision || !compacted) return odd("a watch");
    const Json* events = member(*result, "events");
    return EtcdWatched{*revision, events != nullptr && !events->empty(), truth(*result, "canceled"), *compacted};
}

std::string authenticate_request(std::string_view user, std::string_view password) {
    return Json{{"name", user}, {"password", password}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> parse_token(std::string_view body) {
    const Json json = Json::parse(body, nullptr, false);
    const Json* token = member(json, "token");
    if (token == nullptr || !token->is_string()) return odd("a token");
    return token->get<std::string>();
}

std::string parse_etcd_error(std::string_view body) {
    const Json json = Json::parse(body.substr(0, body.find('\n')), nullptr, false);
    for (const char* key : {"message", "error"}) {
        const Json* text = member(json, key);
        if (text != nullptr && text->is_string()) return text->get<std::string>().substr(0, 200);
        if (text != nullptr && text->is_object()) return parse_etcd_error(text->dump());
    }
    return std::string(body.substr(0, std::min(body.find_first_of("\r\n"), std::size_t{200})));
}

}  // namespace pgbosun::cluster_record
