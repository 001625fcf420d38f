#include "app/work_text.hpp"

#include <algorithm>

#include "app/status_text.hpp"

namespace pgbosun::app {

std::string work_text(std::uint64_t done, std::uint64_t total, Duration elapsed) {
    std::string text = bytes_text(done);
    if (total > 0) {
        const auto percent = std::min<std::uint64_t>(100, done / std::max<std::uint64_t>(1, total / 100));
        text += " of " + bytes_text(total) + " (" + std::to_string(percent) + " %)";
    }
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const double rate = seconds >= 1 ? static_cast<double>(done) / seconds : 0;
    if (rate < 1) return text;
    text += ", " + bytes_text(static_cast<std::uint64_t>(rate)) + "/s";
    if (total > done) {
        const double left = static_cast<double>(total - done) / rate;
        text += ", " + age_text(std::chrono::seconds(static_cast<std::int64_t>(left))) + " left";
    }
    return text;
}

}  // namespace pgbosun::app
