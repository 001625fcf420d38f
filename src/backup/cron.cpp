#include "backup/cron.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

namespace pgbosun::backup {
namespace {

struct FieldKind {
    std::string_view name;
    int smallest;
    int largest;
    std::string_view names;  // three letters each, of `smallest` on
};

constexpr std::array<FieldKind, 6> kinds = {{{"second", 0, 59, ""},
                                             {"minute", 0, 59, ""},
                                             {"hour", 0, 23, ""},
                                             {"day", 1, 31, ""},
                                             {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
                                             {"weekday", 0, 7, "SUNMONTUEWEDTHUFRISAT"}}};

constexpr int years_ahead = 5;

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<int> parse_value(std::string_view text, const FieldKind& kind) {
    if (text.size() == 3) {
        std::string upper(text);
        std::ranges::transform(upper, upper.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
        for (std::size_t i = 0; i + 3 <= kind.names.size(); i += 3) {
            if (kind.names.substr(i, 3) == upper) return kind.smallest + static_cast<int>(i / 3);
        }
    }
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (value < kind.smallest || value > kind.largest) return std::nullopt;
    return value;
}

// One item of a list into the set. False: it is none.
bool take_item(std::string_view item, const FieldKind& kind, std::bitset<64>& set) {
    int step = 1;
    const auto slash = item.find('/');
    if (slash != std::string_view::npos) {
        const auto text = item.substr(slash + 1);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
        if (error != std::errc{} || end != text.data() + text.size() || step < 1 || step > kind.largest) return false;
        item = item.substr(0, slash);
    }
    std::optional<int> first = kind.smallest, last = kind.largest;
    if (item != "*" && item != "?") {
        const auto dash = item.find('-');
        first = parse_value(item.substr(0, dash), kind);
        last = dash == std::string_view::npos ? (slash == std::string_view::npos ? first : last)
                                              : parse_value(item.substr(dash + 1), kind);
    }
    if (!first || !last || *first > *last) return false;
    for (int value = *first; value <= *last; value += step) set.set(static_cast<std::size_t>(value));
    return true;
}

Result<std::bitset<64>> parse_field(std::string_view text, const FieldKind& kind) {
    std::bitset<64> set;
    for (const auto item : split(text, ',')) {
        if (take_item(item, kind, set)) continue;
        return fail(FaultKind::refused, "\"" + std::string(text.substr(0, 50)) + "\" cannot be the field " + std::string(kind.name),
                    "write *, a number from " + std::to_string(kind.smallest) + " to " + std::to_string(kind.largest) +
                        ", a range, a step or a list of these");
    }
    return set;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
    std::vector<std::string_view> fields;
    for (const auto part : split(text, ' ')) {
        if (!part.empty()) fields.push_back(part);
    }
    if (fields.size() != kinds.size()) {
        return fail(FaultKind::refused, "\"" + std::string(text.substr(0, 100)) + "\" is not a schedule of six fields",
                    "write second minute hour day month weekday, such as \"0 0 2 * * *\"");
    }
    Cron cron;
    const std::array<Set*, 6> sets = {&cron.seconds_, &cron.minutes_, &cron.hours_, &cron.days_, &cron.months_, &cron.weekdays_};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        auto set = parse_field(fields[i], kinds[i]);
        if (!set) return std::unexpected(std::move(set.error()));
        *sets[i] = *set;
    }
    if (cron.weekdays_.test(7)) cron.weekdays_.set(0);
    cron.any_day_ = fields[3].starts_with('*') || fields[3].starts_with('?');
    cron.any_weekday_ = fields[5].starts_with('*') || fields[5].starts_with('?');
    return cron;
}

bool Cron::on(std::chrono::year_month_day date) const {
    if (!months_.test(static_cast<unsigned>(date.month()))) return false;
    const bool day = days_.test(static_cast<unsigned>(date.day()));
    const bool weekday = weekdays_.test(std::chrono::weekday(std::chrono::sys_days(date)).c_encoding());
    // A step on * restricts, and yet counts as "any" for this rule, as in every cron.
    if (any_day_ || any_weekday_) return day && weekday;
    return day || weekday;
}

std::optional<WallTime> Cron::next(WallTime after) const {
    using namespace std::chrono;
    const auto first = floor<seconds>(after) + seconds(1);
    const auto begin = floor<days>(first);
    for (auto day = begin; day <= begin + days(366 * years_ahead); day += days(1)) {
        if (!on(year_month_day(day))) continue;
        const auto from = day == begin ? first - day : seconds(0);
        const auto start = static_cast<int>(from.count());
        for (int hour = start / 3600; hour < 24; ++hour) {
            if (!hours_.test(static_cast<std::size_t>(hour))) continue;
            for (int minute = hour == start / 3600 ? start / 60 % 60 : 0; minute < 60; ++minute) {
                if (!minutes_.test(static_cast<std::size_t>(minute))) continue;
                for (int second = hour * 60 + minute == start / 60 ? start % 60 : 0; second < 60; ++second) {
                    if (seconds_.test(static_cast<std::size_t>(second))) {
                        return day + hours(hour) + minutes(minute) + seconds(second);
                    }
                }
            }
        }
    }
    return std::nullopt;
}

}  // namespace pgbosun::backup
