#include "app/work_text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "pgbosun/bytes_text.hpp"

namespace pgbosun::app {

std::string age_text(Duration age) {
    using Unit = std::pair<std::int64_t, std::string_view>;
    static constexpr std::array<Unit, 4> units = {{{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};
    const auto all = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
    for (std::size_t i = 0; i < units.size(); ++i) {
        const auto [size, name] = units[i];
        if (all < size) continue;
        auto text = std::to_string(all / size) + std::string(name);
        if (i + 1 < units.size()) {
            const auto rest = all % size / units[i + 1].first;
            if (rest > 0) text += " " + std::to_string(rest) + std::string(units[i + 1].second);
        }
        return text;
    }
    return "0s";
}

std::string work_text(std::string_view what, std::uint64_t done, std::uint64_t total, Duration elapsed) {
    std::string text(what);
    if (done == 0 && total == 0) return text;
    text += ": " + bytes_text(done);
    if (total > 0) {
        const double share = static_cast<double>(done) * 100 / static_cast<double>(total);
        const auto percent = static_cast<int>(std::min(100.0, share));
        text += " of " + bytes_text(total) + " (" + std::to_string(percent) + " %)";
    }
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const double rate = seconds >= 1 ? static_cast<double>(done) / seconds : 0;
    if (rate < 1) return text;
    text += ", " + bytes_text(static_cast<std::uint64_t>(rate)) + "/s";
    if (total > done) {
        const double left = static_cast<double>(total - done) / rate;
        text += ", " + age_text(std::chrono::seconds(static_cast<std::int64_t>(std::ceil(left)))) + " left";
    }
    return text;
}

}  // namespace pgbosun::app
