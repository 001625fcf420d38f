#include "backup/timestamp.hpp"

#include <array>
#include <cstdio>

#include "pgbosun/moment.hpp"

namespace pgbosun::backup {
namespace {

struct Parts {
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<std::chrono::microseconds> clock;
};

Parts parts_of(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<std::chrono::microseconds>(time - day)};
}

std::string to_seconds(const Parts& parts) {
    std::array<char, 64> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(parts.date.year()),
                      static_cast<unsigned>(parts.date.month()), static_cast<unsigned>(parts.date.day()),
                      static_cast<int>(parts.clock.hours().count()), static_cast<int>(parts.clock.minutes().count()),
                      static_cast<int>(parts.clock.seconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

std::string to_timestamp(WallTime time) {
    const auto parts = parts_of(time);
    std::string text = to_seconds(parts);
    if (const auto micros = parts.clock.subseconds().count(); micros != 0) {
        std::array<char, 16> fraction{};
        std::snprintf(fraction.data(), fraction.size(), ".%06d", static_cast<int>(micros));
        text += fraction.data();
    }
    return text + "+00:00";
}

std::string to_gmt(WallTime time) { return to_seconds(parts_of(time)) + " GMT"; }

std::optional<WallTime> parse_timestamp(std::string_view text) {
    const auto read = read_moment(text);
    if (!read) return std::nullopt;
    return read->time;
}

}  // namespace pgbosun::backup
