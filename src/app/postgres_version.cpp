#include "app/postgres_version.hpp"

#include <charconv>

namespace pgbosun::app {

std::optional<int> parse_postgres_version(std::string_view line) {
    constexpr std::string_view before = "(PostgreSQL) ";
    const auto place = line.find(before);
    if (place == std::string_view::npos) return std::nullopt;
    line.remove_prefix(place + before.size());
    int major = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), major);
    if (error != std::errc{} || end == line.data()) return std::nullopt;
    return major;
}

}  // namespace pgbosun::app
