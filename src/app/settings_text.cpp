#include "app/settings_text.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "app/settings_keys.hpp"
#include "app/substitution.hpp"

namespace pgbosun::app {
namespace {

bool is_plain(std::string_view text) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
               c == '.' || c == '-';
    };
    const bool looks_null = text == "null" || text == "Null" || text == "NULL";
    return !text.empty() && text.front() != '-' && text.front() != '.' && !looks_null &&
           std::ranges::all_of(text, plain);
}

std::string in_quotes(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            (result += '\\') += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            ((result += "\\x") += digits[byte >> 4]) += digits[byte & 15];
        } else {
            result += c;
        }
    }
    return result += '"';
}

std::string scalar(std::string_view text) {
    return is_plain(text) ? std::string(text) : in_quotes(without_substitution(text));
}

std::vector<std::string_view> parts_of(std::string_view path) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto dot = path.find('.');
        parts.push_back(path.substr(0, dot));
        if (dot == std::string_view::npos) return parts;
        path.remove_prefix(dot + 1);
    }
}

// What an item is called in the file.
std::string value_text(const Key& key, const Item& item, const std::vector<ExpandedValue>& expanded) {
    const auto same = [&](const ExpandedValue& it) { return it.path == key.path && it.item == item; };
    const auto found = std::ranges::find_if(expanded, same);
    return found == expanded.end() ? scalar(item.text) : in_quotes(found->written);
}

void write_value(std::string& out, const Key& key, const std::vector<Item>& items, std::size_t depth,
                 const std::vector<ExpandedValue>& expanded) {
    const std::string indent(2 * (depth + 1), ' ');
    if (key.shape == Shape::scalar) {
        out += " " + value_text(key, items.front(), expanded) + "\n";
        return;
    }
    out += "\n";
    for (const auto& item : items) {
        const auto name =
            key.shape == Shape::map ? (is_plain(item.name) ? item.name : in_quotes(item.name)) + ": " : "- ";
        out += indent + name + value_text(key, item, expanded) + "\n";
    }
}

}  // namespace

std::string settings_text(const Settings& settings, const std::vector<ExpandedValue>& expanded) {
    std::string out;
    std::vector<std::string_view> open;
    for (const auto& key : settings_keys()) {
        if (!applies(key.path, settings)) continue;
        const auto items = key.show(settings);
        if (items.empty()) continue;
        const auto parts = parts_of(key.path);
        const auto sections = parts.size() - 1;
        std::size_t depth = 0;
        while (depth < sections && depth < open.size() && open[depth] == parts[depth]) ++depth;
        for (; depth < sections; ++depth) out += std::string(2 * depth, ' ') + std::string(parts[depth]) + ":\n";
        open.assign(parts.begin(), parts.end() - 1);
        out += std::string(2 * sections, ' ') + std::string(parts.back()) + ":";
        write_value(out, key, items, sections, expanded);
    }
    return out;
}

}  // namespace pgbosun::app
