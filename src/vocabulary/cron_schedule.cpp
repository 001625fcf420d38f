#include "pgbosun/cron_schedule.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <vector>

namespace pgbosun {
namespace {

constexpr std::string_view form = "write second minute hour day month weekday, such as \"0 0 2 * * *\"";
constexpr std::chrono::years horizon{5};

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRule {
    std::string_view what;
    int first, last;
    std::span<const std::string_view> names;
    int also = -1;  // a value beyond the last, when it is written out
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size() && !text.starts_with('-');
    if (!whole) return std::nullopt;
    return value;
}

bool same_letters(std::string_view text, std::string_view name) {
    return std::ranges::equal(text, name, [](char left, char right) { return (left | 0x20) == right; });
}

std::optional<int> value_of(std::string_view text, const FieldRule& rule) {
    for (std::size_t at = 0; at < rule.names.size(); ++at) {
        if (same_letters(text, rule.names[at])) return rule.first + static_cast<int>(at);
    }
    const auto value = number_of(text);
    const bool fits = value && ((*value >= rule.first && *value <= rule.last) || *value == rule.also);
    if (!fits) return std::nullopt;
    return value;
}

struct Range {
    int first, last;
};

// "*", "?", "a", "a-b"; `stepped`: a step follows.
std::optional<Range> range_of(std::string_view text, const FieldRule& rule, bool stepped) {
    if (text == "*" || text == "?") return Range{rule.first, rule.last};
    const auto ends = split(text, '-');
    const auto first = value_of(ends[0], rule);
    if (!first || ends.size() > 2) return std::nullopt;
    if (ends.size() == 1) return Range{*first, stepped ? rule.last : *first};
    const auto last = value_of(ends[1], rule);
    if (!last || *last < *first) return std::nullopt;
    return Range{*first, *last};
}

// The values of one field; the bit of a value is its number.
std::optional<std::bitset<64>> values_of(std::string_view text, const FieldRule& rule) {
    std::bitset<64> values;
    for (const auto item : split(text, ',')) {
        const auto parts = split(item, '/');
        if (parts.size() > 2) return std::nullopt;
        const auto range = range_of(parts[0], rule, parts.size() == 2);
        const auto step = parts.size() == 2 ? number_of(parts[1]) : 1;
        if (!range || !step || *step < 1) return std::nullopt;
        for (int value = range->first; value <= range->last; value += std::min(*step, 64)) {
            values.set(static_cast<std::size_t>(value));
        }
    }
    return values;
}

// Restricts nothing: one of its items is a star without a step.
bool is_any(std::string_view field) {
    const auto items = split(field, ',');
    return std::ranges::any_of(
        items, [](std::string_view it) { return it == "*" || it == "?" || it == "*/1" || it == "?/1"; });
}

std::string_view without_alias(std::string_view text) {
    if (text == "@yearly" || text == "@annually") return "0 0 0 1 1 *";
    if (text == "@monthly") return "0 0 0 1 * *";
    if (text == "@weekly") return "0 0 0 * * 0";
    if (text == "@daily" || text == "@midnight") return "0 0 0 * * *";
    if (text == "@hourly") return "0 0 * * * *";
    return text;
}

template <std::size_t Bits>
std::optional<int> first_from(const std::bitset<Bits>& values, int from) {
    for (auto value = static_cast<std::size_t>(from); value < Bits; ++value) {
        if (values.test(value)) return static_cast<int>(value);
    }
    return std::nullopt;
}

template <std::size_t Bits>
std::bitset<Bits> narrowed(const std::bitset<64>& values) {
    return std::bitset<Bits>(values.to_ullong());
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
    constexpr std::array<FieldRule, 6> rules{{{"second", 0, 59, {}},
                                              {"minute", 0, 59, {}},
                                              {"hour", 0, 23, {}},
                                              {"day of the month", 1, 31, {}},
                                              {"month", 1, 12, month_names},
                                              {"day of the week", 0, 6, weekday_names, 7}}};
    auto fields = split(without_alias(text), ' ');
    std::erase(fields, std::string_view());
    const auto refuse = [&](const std::string& what) {
        return fail(FaultKind::refused, "\"" + std::string(text) + "\" " + what, std::string(form));
    };
    if (fields.size() != rules.size()) return refuse("is not a schedule of six fields");
    std::array<std::bitset<64>, 6> values;
    for (std::size_t at = 0; at < rules.size(); ++at) {
        const auto read = values_of(fields[at], rules[at]);
        if (!read) return refuse("has no " + std::string(rules[at].what) + " \"" + std::string(fields[at]) + "\"");
        values[at] = *read;
    }
    if (values[5].test(7)) values[5].set(0);
    CronSchedule schedule;
    schedule.seconds_ = narrowed<60>(values[0]);
    schedule.minutes_ = narrowed<60>(values[1]);
    schedule.hours_ = narrowed<24>(values[2]);
    schedule.days_ = narrowed<32>(values[3]);
    schedule.months_ = narrowed<13>(values[4]);
    schedule.weekdays_ = narrowed<7>(values[5] & std::bitset<64>(0x7F));
    schedule.any_day_ = is_any(fields[3]);
    schedule.any_weekday_ = is_any(fields[5]);
    // A whole cycle of leap years decides, whatever day it is today.
    const auto begin = WallTime(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1)) - std::chrono::seconds(1);
    if (!schedule.next(begin)) return refuse("never comes: no month that it names has such a day");
    return schedule;
}

// As Vixie's cron and its descendants: two restricted day fields are alternatives.
bool CronSchedule::takes(std::chrono::year_month_day date) const {
    if (!months_.test(static_cast<unsigned>(date.month()))) return false;
    const bool day = days_.test(static_cast<unsigned>(date.day()));
    const bool weekday = weekdays_.test(std::chrono::weekday(std::chrono::sys_days(date)).c_encoding());
    return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

// The first time of a day that is not before `from`.
std::optional<std::chrono::seconds> CronSchedule::time_of_day(std::chrono::seconds from) const {
    const std::chrono::hh_mm_ss clock(from);
    auto hour = static_cast<int>(clock.hours().count());
    auto minute = static_cast<int>(clock.minutes().count());
    auto second = static_cast<int>(clock.seconds().count());
    while (const auto next_hour = first_from(hours_, hour)) {
        if (*next_hour > hour) minute = second = 0;
        while (const auto next_minute = first_from(minutes_, minute)) {
            if (*next_minute > minute) second = 0;
            if (const auto next_second = first_from(seconds_, second)) {
                return std::chrono::hours(*next_hour) + std::chrono::minutes(*next_minute) +
                       std::chrono::seconds(*next_second);
            }
            minute = *next_minute + 1;
            second = 0;
        }
        hour = *next_hour + 1;
        minute = second = 0;
    }
    return std::nullopt;
}

std::optional<WallTime> CronSchedule::next(WallTime after) const {
    const auto from = std::chrono::floor<std::chrono::seconds>(after) + std::chrono::seconds(1);
    const auto first_day = std::chrono::floor<std::chrono::days>(from);
    const auto last_day = first_day + std::chrono::ceil<std::chrono::days>(horizon);
    for (auto day = first_day; day <= last_day; day += std::chrono::days(1)) {
        if (!takes(day)) continue;
        const auto start = day == first_day ? from - first_day : std::chrono::seconds(0);
        if (const auto time = time_of_day(start)) return day + *time;
    }
    return std::nullopt;
}

}  // namespace pgbosun
