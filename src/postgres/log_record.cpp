#include "postgres/log_record.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

namespace pgbosun::postgres {
namespace {

using Json = nlohmann::ordered_json;

struct Rename {
    const char* jsonlog;
    const char* record;
};
constexpr std::array renames{
    Rename{"timestamp", "log_time"},
    Rename{"user", "user_name"},
    Rename{"dbname", "database_name"},
    Rename{"pid", "process_id"},
    Rename{"session_id", "session_id"},
    Rename{"line_num", "session_line_num"},
    Rename{"ps", "command_tag"},
    Rename{"session_start", "session_start_time"},
    Rename{"vxid", "virtual_transaction_id"},
    Rename{"txid", "transaction_id"},
    Rename{"error_severity", "error_severity"},
    Rename{"state_code", "sql_state_code"},
    Rename{"message", "message"},
    Rename{"detail", "detail"},
    Rename{"hint", "hint"},
    Rename{"internal_query", "internal_query"},
    Rename{"internal_position", "internal_query_pos"},
    Rename{"context", "context"},
    Rename{"statement", "query"},
    Rename{"cursor_position", "query_pos"},
    Rename{"application_name", "application_name"},
    Rename{"backend_type", "backend_type"},
    Rename{"leader_pid", "leader_pid"},
    Rename{"query_id", "query_id"},
};
constexpr std::array audit_fields{"audit_type",  "statement_id", "substatement_id", "class",     "command",
                                  "object_type", "object_name",  "statement",       "parameter", "rows"};

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

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string field(const Json& record, const char* name) {
    const auto found = record.find(name);
    return found == record.end() ? std::string() : text_of(*found);
}

const char* level_of(const std::string& severity) {
    if (severity.starts_with("DEBUG")) return "debug";
    if (severity == "WARNING") return "warning";
    if (severity == "ERROR" || severity == "FATAL" || severity == "PANIC") return "error";
    return "info";
}

// RFC 4180, as pgaudit writes it. None: not well formed or more fields than there are names for.
std::optional<std::vector<std::string>> csv_fields(std::string_view text) {
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool doubled = quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"';
        if (doubled) ++i;
        if (c == '"' && !doubled) {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            if (fields.size() == audit_fields.size()) return std::nullopt;
            fields.emplace_back();
        } else {
            fields.back() += c;
        }
    }
    if (quoted) return std::nullopt;
    return fields;
}

std::optional<Json> audit_of(const std::string& message) {
    constexpr std::string_view prefix = "AUDIT: ";
    if (!message.starts_with(prefix)) return std::nullopt;
    const auto fields = csv_fields(std::string_view(message).substr(prefix.size()));
    if (!fields || fields->size() < audit_fields.size() - 1) return std::nullopt;
    Json audit = Json::object();
    for (std::size_t i = 0; i < fields->size(); ++i) audit[audit_fields.at(i)] = (*fields)[i];
    return std::make_optional(std::move(audit));
}

Json record_of(const Json& line) {
    Json record = Json::object();
    for (const auto& [name, value] : line.items()) {
        bool known = name.starts_with("remote_") || name.starts_with("file_") || name == "func_name";
        for (const Rename& rename : renames) {
            if (name != rename.jsonlog) continue;
            record[rename.record] = text_of(value);
            known = true;
        }
        if (!known) record[name] = text_of(value);
    }
    if (line.contains("remote_host")) {
        const std::string port = field(line, "remote_port");
        record["connection_from"] = field(line, "remote_host") + (port.empty() ? "" : ":" + port);
    }
    if (line.contains("file_name") || line.contains("func_name"))
        record["location"] =
            field(line, "func_name") + ", " + field(line, "file_name") + ":" + field(line, "file_line_num");
    return record;
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string indented(std::string_view text) {
    std::string result;
    for (const char c : text) {
        result += c;
        if (c == '\n') result += '\t';
    }
    return result;
}

std::string as_text(const Json& line) {
    std::string text = field(line, "timestamp") + " [" + field(line, "pid") + "] ";
    if (line.contains("user")) text += field(line, "user") + "@" + field(line, "dbname") + " ";
    text += field(line, "error_severity") + ": " + indented(field(line, "message"));
    for (const auto* name : {"detail", "hint", "context", "statement"})
        if (line.contains(name)) text.append("\n\t").append(name).append(": ").append(indented(field(line, name)));
    return text;
}

std::string as_json(const Json& line, WallTime now) {
    Json record = record_of(line);
    const auto audit = audit_of(field(line, "message"));
    if (audit) record["audit"] = *audit;
    Json out = Json::object();
    out["level"] = level_of(field(line, "error_severity"));
    out["ts"] = to_iso8601(now);
    out["logger"] = audit ? "pgaudit" : "postgres";
    out["msg"] = "record";
    out["record"] = std::move(record);
    return dump(out);
}

std::string unstructured(std::string_view line, LogFormat format, WallTime now) {
    std::string text = with_valid_utf8(line, "\\x");
    if (format == LogFormat::text) return indented(text);
    Json out = Json::object();
    out["level"] = "info";
    out["ts"] = to_iso8601(now);
    out["logger"] = "postgres";
    out["msg"] = std::move(text);
    return dump(out);
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

std::string log_line(std::string_view line, LogFormat format, WallTime now) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (!line.starts_with('{') || line.size() > longest_log_line || !flat(line)) return unstructured(line, format, now);
    // In a JSON string the backslash of \xNN is itself escaped.
    const Json parsed = Json::parse(with_valid_utf8(line, "\\\\x"), nullptr, false);
    if (!parsed.is_object() || !parsed.contains("error_severity")) return unstructured(line, format, now);
    return format == LogFormat::text ? as_text(parsed) : as_json(parsed, now);
}

}  // namespace pgbosun::postgres
