#include "host/log_line.hpp"

#include <array>
#include <cstdio>
#include <utility>

namespace pgbosun::host {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

bool continues(std::string_view text, std::size_t at, unsigned low = 0x80, unsigned high = 0xBF) {
    if (at >= text.size()) return false;
    const auto byte = static_cast<unsigned char>(text[at]);
    return byte >= low && byte <= high;
}

// The length of the well-formed UTF-8 sequence at `at`, 0 when there is none (Unicode standard, table 3-7).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(text, at + 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned low = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = first == 0xED ? 0x9F : 0xBF;
        return continues(text, at + 1, low, high) && continues(text, at + 2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned low = first == 0xF0 ? 0x90 : 0x80;
        const unsigned high = first == 0xF4 ? 0x8F : 0xBF;
        return continues(text, at + 1, low, high) && continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
    }
    return 0;
}

void add_escaped(std::string& line, char letter) {
    switch (letter) {
        case '"': line += "\\\""; return;
        case '\\': line += "\\\\"; return;
        case '\n': line += "\\n"; return;
        case '\r': line += "\\r"; return;
        case '\t': line += "\\t"; return;
        default: break;
    }
    if (static_cast<unsigned char>(letter) >= 0x20 && letter != 0x7F) {
        line += letter;
        return;
    }
    std::array<char, 8> code{};
    std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(letter)));
    line += code.data();
}

void add_string(std::string& line, std::string_view text) {
    line += '"';
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = sequence_length(text, at);
        if (length == 0) {
            line += replacement;
        } else if (length == 1) {
            add_escaped(line, text[at]);
        } else {
            line += text.substr(at, length);
        }
        at += length == 0 ? 1 : length;
    }
    line += '"';
}

void add_json_value(std::string& line, const log::Field& field) {
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
        add_string(line, *text);
    } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
        line += std::to_string(*number);
    } else {
        line += std::get<bool>(field.value) ? "true" : "false";
    }
}

// A terminal must not be steered by what others wrote: control characters become spaces.
void add_plain(std::string& line, std::string_view text) {
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        line += byte < 0x20 || byte == 0x7F ? ' ' : letter;
    }
}

std::string_view colour_of(log::Level level) {
    switch (level) {
        case log::Level::debug: return "\x1b[2m";
        case log::Level::info: return "\x1b[32m";
        case log::Level::warning: return "\x1b[33m";
        case log::Level::error: return "\x1b[31m";
    }
    std::unreachable();
}

}  // namespace

std::string_view to_string(log::Level level) {
    switch (level) {
        case log::Level::debug: return "debug";
        case log::Level::info: return "info";
        case log::Level::warning: return "warning";
        case log::Level::error: return "error";
    }
    std::unreachable();
}

std::string render_json(const LogRecord& record) {
    std::string_view logger = "pgbosun";
    for (const auto& field : record.fields) {
        const auto* name = std::get_if<std::string_view>(&field.value);
        if (field.name == logger_field && name) logger = *name;
    }
    std::string line = "{\"level\":\"";
    line.append(to_string(record.level)).append("\",\"ts\":\"").append(to_iso8601(record.at));
    line += "\",\"logger\":";
    add_string(line, logger);
    line += ",\"msg\":";
    add_string(line, record.message);
    for (const auto& field : record.fields) {
        if (field.name == logger_field) continue;
        line += ',';
        add_string(line, field.name);
        line += ':';
        add_json_value(line, field);
    }
    line += '}';
    return line;
}

std::string render_text(const LogRecord& record, Colour colour) {
    constexpr std::size_t level_width = 7, message_width = 44;
    std::string line = to_iso8601(record.at) + " ";
    std::string level(to_string(record.level));
    level.resize(level_width, ' ');
    if (colour == Colour::ansi) line += colour_of(record.level);
    line += level;
    if (colour == Colour::ansi) line += "\x1b[0m";
    line += ' ';
    const std::size_t before = line.size();
    add_plain(line, record.message);
    if (record.fields.size() != 0 && line.size() - before < message_width) {
        line.append(message_width - (line.size() - before), ' ');
    }
    for (const auto& field : record.fields) {
        line.append(" ").append(field.name).append("=");
        if (const auto* text = std::get_if<std::string_view>(&field.value)) {
            add_plain(line, *text);
        } else {
            add_json_value(line, field);
        }
    }
    return line;
}

}  // namespace pgbosun::host
