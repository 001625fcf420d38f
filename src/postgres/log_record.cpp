#include "postgres/log_record.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "postgres/jsonlog.hpp"

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

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

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
        const std::string port = jsonlog_field(line, "remote_port");
        record["connection_from"] = jsonlog_field(line, "remote_host") + (port.empty() ? "" : ":" + port);
    }
    if (line.contains("file_name") || line.contains("func_name"))
        record["location"] = jsonlog_field(line, "func_name") + ", " + jsonlog_field(line, "file_name") + ":" +
                             jsonlog_field(line, "file_line_num");
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
    std::string text = jsonlog_field(line, "timestamp") + " [" + jsonlog_field(line, "pid") + "] ";
    if (line.contains("user")) text += jsonlog_field(line, "user") + "@" + jsonlog_field(line, "dbname") + " ";
    text += jsonlog_field(line, "error_severity") + ": " + indented(jsonlog_field(line, "message"));
    for (const auto* name : {"detail", "hint", "context", "statement"})
        if (line.contains(name))
            text.append("\n\t").append(name).append(": ").append(indented(jsonlog_field(line, name)));
    return text;
}

std::string as_json(const Json& line, WallTime now) {
    Json record = record_of(line);
    const auto audit = audit_of(jsonlog_field(line, "message"));
    if (audit) record["audit"] = *audit;
    Json out = Json::object();
    out["level"] = level_of(jsonlog_field(line, "error_severity"));
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

}  // namespace

std::string log_line(std::string_view line, LogFormat format, WallTime now) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    const auto parsed = parse_jsonlog(line);
    if (!parsed) return unstructured(line, format, now);
    return format == LogFormat::text ? as_text(*parsed) : as_json(*parsed, now);
}

}  // namespace pgbosun::postgres
