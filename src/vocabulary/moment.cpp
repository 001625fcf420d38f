#include "pgbosun/moment.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace pgbosun {
namespace {

using namespace std::chrono;

std::unexpected<Fault> refuse(const std::string& text, std::string_view why, std::string hint) {
    return fail(FaultKind::refused, "\"" + text.substr(0, 100) + "\" " + std::string(why), std::move(hint));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `count` digits from the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
    if (text.size() < count || !std::ranges::all_of(text.substr(0, count), is_digit)) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(0, count)) value = value * 10 + (c - '0');
    text.remove_prefix(count);
    return value;
}

bool take(std::string_view& text, char wanted) {
    if (!text.starts_with(wanted)) return false;
    text.remove_prefix(1);
    return true;
}

std::optional<sys_days> take_date(std::string_view& text) {
    const auto number = digits(text, 4);
    if (!number || !take(text, '-')) return std::nullopt;
    const auto month_number = digits(text, 2);
    if (!month_number || !take(text, '-')) return std::nullopt;
    const auto day_number = digits(text, 2);
    if (!day_number) return std::nullopt;
    const year_month_day date(year(*number), month(static_cast<unsigned>(*month_number)),
                              day(static_cast<unsigned>(*day_number)));
    if (!date.ok()) return std::nullopt;
    return sys_days(date);
}

// One to six digits behind the point.
std::optional<microseconds> take_fraction(std::string_view& text) {
    int value = 0;
    std::size_t taken = 0;
    for (; taken < text.size() && is_digit(text[taken]); ++taken) {
        if (taken == 6) return std::nullopt;
        value = value * 10 + (text[taken] - '0');
    }
    if (taken == 0) return std::nullopt;
    text.remove_prefix(taken);
    for (; taken < 6; ++taken) value *= 10;
    return microseconds(value);
}

std::optional<microseconds> take_time(std::string_view& text) {
    const auto hour = digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return std::nullopt;
    const auto minute = digits(text, 2);
    if (!minute || *minute > 59) return std::nullopt;
    const microseconds time = hours(*hour) + minutes(*minute);
    if (!take(text, ':')) return time;
    const auto second = digits(text, 2);
    if (!second || *second > 59) return std::nullopt;
    if (!take(text, '.')) return time + seconds(*second);
    const auto fraction = take_fraction(text);
    if (!fraction) return std::nullopt;
    return time + seconds(*second) + *fraction;
}

// How far east of UTC: "Z", " UTC", "+02", "+02:00", "-0530".
std::optional<minutes> zone(std::string_view text) {
    if (text == "Z" || text == "z" || text == " UTC" || text == "UTC" || text == " GMT" || text == "GMT") {
        return minutes(0);
    }
    take(text, ' ');
    const bool west = take(text, '-');
    if (!west && !take(text, '+')) return std::nullopt;
    const auto whole = digits(text, 2);
    if (!whole || *whole > 15) return std::nullopt;
    int rest = 0;
    if (!text.empty()) {
        take(text, ':');
        const auto given = digits(text, 2);
        if (!given || *given > 59 || !text.empty()) return std::nullopt;
        rest = *given;
    }
    const minutes east = hours(*whole) + minutes(rest);
    return west ? -east : east;
}

}  // namespace

Result<WallTime> parse_moment(const std::string& text) {
    constexpr auto form = "write it as \"2026-01-30 10:00:00+00\"";
    std::string_view rest = text;
    const auto date = take_date(rest);
    if (!date || (!take(rest, ' ') && !take(rest, 'T'))) return refuse(text, "is not a moment", form);
    const auto time = take_time(rest);
    if (!time) return refuse(text, "is not a moment", form);
    if (rest.empty()) {
        return refuse(text, "has no time zone: a server would read it in its own",
                      "write the zone too, such as \"" + text.substr(0, 30) + "+00\" for UTC");
    }
    const auto east = zone(rest);
    if (!east) return refuse(text, "is not a moment with a time zone in numbers", form);
    return WallTime(*date) + *time - *east;
}

}  // namespace pgbosun
