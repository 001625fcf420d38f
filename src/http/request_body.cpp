#include "http/request_body.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "http/wrong_request.hpp"

namespace pgbosun::http {

using Json = nlohmann::ordered_json;

Result<Json> parse_body(std::string_view body, const std::string& example) {
    std::vector<std::set<std::string>> seen;
    std::string twice;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
        if (event == Json::parse_event_t::object_start) seen.emplace_back();
        if (event == Json::parse_event_t::object_end) seen.pop_back();
        if (event == Json::parse_event_t::key && !seen.back().insert(parsed.get<std::string>()).second) twice = parsed;
        return true;
    };
    Json json = Json::parse(body, watch, false);
    if (json.is_discarded()) return fail(FaultKind::refused, "the body is not JSON", "write it as " + example);
    if (!json.is_object()) return fail(FaultKind::refused, "the body is not a JSON object", "write it as " + example);
    if (!twice.empty()) return wrong_field(twice, "given twice", "give it once");
    return json;
}

Result<> read_line(std::string_view name, const Json& value, std::size_t most, std::string& into) {
    if (!value.is_string()) return wrong_field(name, "must be a string", "write it in quotation marks");
    into = value.get<std::string>();
    const auto limit = std::to_string(most) + " bytes";
    if (into.size() > most) return wrong_field(name, "is longer than " + limit, "give " + limit + " at most");
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::none_of(into, is_control)) return {};
    return wrong_field(name, "holds a control character", "write it on one line, without tabs");
}

}  // namespace pgbosun::http
