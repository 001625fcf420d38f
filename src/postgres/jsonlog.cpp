#include "postgres/jsonlog.hpp"

#include <utility>

namespace pgbosun::postgres {
namespace {

using Json = nlohmann::ordered_json;

// Bytes in one well-formed UTF-8 character at the start of `text`; 0: none is there. Table 3-7 of the Unicode standard.
std::size_t character_length(std::string_view text) {
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool second = follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
        return second && follows(2) ? 3 : 0;
    }
    if (first < 0xF0 || first > 0xF4) return 0;
    const bool second = follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return second && follows(2) && follows(3) ? 4 : 0;
}

// jsonlog is flat: depth is bounded so that hostile input cannot exhaust the stack in a destructor.
bool flat(std::string_view text) {
    bool quoted = false;
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && quoted) ++i;
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == '{' || c == '[') && ++depth > 1) return false;
    }
    return true;
}

}  // namespace

std::optional<Json> parse_jsonlog(std::string_view line) {
    if (!line.starts_with('{') || line.size() > longest_log_line || !flat(line)) return std::nullopt;
    // In a JSON string the backslash of \xNN is itself escaped.
    Json parsed = Json::parse(with_valid_utf8(line, "\\\\x"), nullptr, false);
    if (!parsed.is_object() || !parsed.contains("error_severity")) return std::nullopt;
    return std::make_optional(std::move(parsed));
}

std::string jsonlog_field(const Json& record, const char* name) {
    const auto found = record.find(name);
    if (found == record.end()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string with_valid_utf8(std::string_view text, std::string_view escape) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = character_length(text);
        if (length == 0) {
            const auto byte = static_cast<unsigned char>(text.front());
            result.append(escape).append({digits[byte >> 4U], digits[byte & 15U]});
        } else {
            result.append(text.substr(0, length));
        }
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return result;
}

}  // namespace pgbosun::postgres
