#include "pgbosun/bytes_text.hpp"

#include <array>
#include <cstdio>

namespace pgbosun {

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array<const char*, 6> units = {"B", "kB", "MB", "GB", "TB", "PB"};
    std::size_t unit = 0;
    auto value = static_cast<double>(bytes);
    // 999.5 would be shown as 1000.
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 || value >= 99.95 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text.data();
}

}  // namespace pgbosun
