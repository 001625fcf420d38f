#include "backup/relation_file.hpp"

#include <charconv>

namespace pgbosun::backup {
namespace {

// Decimal without leading zeros.
std::optional<std::uint32_t> number_in(std::string_view text) {
    std::uint32_t value = 0;
    const auto* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (error != std::errc{} || end != last || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    return value;
}

bool holds_relations(std::string_view directory) {
    if (directory == "global") return true;
    const auto slash = directory.rfind('/');
    if (slash == std::string_view::npos || !number_in(directory.substr(slash + 1))) return false;
    const auto above = directory.substr(0, slash);
    return above == "base" || above.substr(above.rfind('/') + 1).starts_with("PG_");
}

}  // namespace

std::optional<RelationFile> parse_relation_file(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos || !holds_relations(path.substr(0, slash))) return std::nullopt;
    auto name = path.substr(slash + 1);
    RelationFile file;
    if (const auto dot = name.find('.'); dot != std::string_view::npos) {
        const auto segment = number_in(name.substr(dot + 1));
        if (!segment || *segment == 0) return std::nullopt;
        file.segment = *segment;
        name = name.substr(0, dot);
    }
    if (const auto bar = name.find('_'); bar != std::string_view::npos) {
        const auto fork = name.substr(bar + 1);
        if (fork != "fsm" && fork != "vm") return std::nullopt;
        name = name.substr(0, bar);
    }
    const auto number = number_in(name);
    if (!number || *number == 0) return std::nullopt;
    return file;
}

}  // namespace pgbosun::backup
