#include "postgres/end_of_server.hpp"

#include <algorithm>

#include "postgres/jsonlog.hpp"

namespace pgbosun::postgres {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

std::string shown(std::string text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.size() > longest_fatal_message) {
        auto end = longest_fatal_message;
        while (end > 0 && continues_character(text[end])) --end;
        text.resize(end);
    }
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    std::ranges::replace_if(text, control, ' ');
    return text;
}

std::optional<std::string> of_record(const nlohmann::ordered_json& record) {
    const auto severity = jsonlog_field(record, "error_severity");
    const auto process = jsonlog_field(record, "backend_type");
    const bool of_server = process == "postmaster" || process == "startup";
    if (severity != "PANIC" && !(severity == "FATAL" && of_server)) return std::nullopt;
    return shown(jsonlog_field(record, "message"));
}

}  // namespace

std::optional<std::string> end_of_server(std::string_view line) {
    const bool may_be = line.find("FATAL") != std::string_view::npos || line.find("PANIC") != std::string_view::npos;
    if (!may_be) return std::nullopt;
    if (const auto record = parse_jsonlog(line)) return of_record(*record);
    if (line.starts_with('{')) return std::nullopt;
    for (const std::string_view severity : {"PANIC:  ", "FATAL:  "}) {
        const auto place = line.find(severity);
        if (place == std::string_view::npos) continue;
        return shown(with_valid_utf8(line.substr(place + severity.size()), "\\x"));
    }
    return std::nullopt;
}

}  // namespace pgbosun::postgres
