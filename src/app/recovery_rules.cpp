#include "app/recovery_rules.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include "app/value_text.hpp"
#include "pgbosun/lsn.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_name = 63;

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

bool take_date(std::string_view& text) {
    const auto year = digits(text, 4);
    if (!year || !take(text, '-')) return false;
    const auto month = digits(text, 2);
    if (!month || !take(text, '-')) return false;
    const auto day = digits(text, 2);
    if (!day) return false;
    using namespace std::chrono;
    return year_month_day(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                          std::chrono::day(static_cast<unsigned>(*day)))
        .ok();
}

bool take_time(std::string_view& text) {
    const auto hour = digits(text, 2);
    if (!hour || *hour > 23 || !take(text, ':')) return false;
    const auto minute = digits(text, 2);
    if (!minute || *minute > 59) return false;
    if (!take(text, ':')) return true;
    const auto second = digits(text, 2);
    if (!second || *second > 59) return false;
    if (!take(text, '.')) return true;
    const auto end = std::ranges::find_if_not(text, is_digit);
    const auto fraction = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(fraction);
    return fraction >= 1 && fraction <= 6;
}

// "Z", " UTC", "+02", "+02:00", "-0530"
bool is_zone(std::string_view text) {
    if (text == "Z" || text == "z" || text == " UTC" || text == "UTC" || text == " GMT" || text == "GMT") return true;
    take(text, ' ');
    if (!take(text, '+') && !take(text, '-')) return false;
    const auto hours = digits(text, 2);
    if (!hours || *hours > 15) return false;
    if (text.empty()) return true;
    take(text, ':');
    const auto minutes = digits(text, 2);
    return minutes && *minutes <= 59 && text.empty();
}

}  // namespace

Result<> moment_with_zone(const std::string& text) {
    constexpr auto form = "write it as \"2026-01-30 10:00:00+00\"";
    std::string_view rest = text;
    if (!take_date(rest) || (!take(rest, ' ') && !take(rest, 'T')) || !take_time(rest)) {
        return refuse(text, "is not a moment", form);
    }
    if (rest.empty()) {
        return refuse(text, "has no time zone: a server would read it in its own",
                      "write the zone too, such as \"" + text.substr(0, 30) + "+00\" for UTC");
    }
    if (!is_zone(rest)) return refuse(text, "is not a moment with a time zone in numbers", form);
    return {};
}

Result<> wal_position(const std::string& text) {
    if (!parse_lsn(text)) {
        return refuse(text, "is not a position in the WAL", "write it as pg_current_wal_lsn() shows it: \"0/5000060\"");
    }
    return {};
}

Result<> transaction_number(const std::string& text) {
    const bool number = !text.empty() && text.size() <= 20 && std::ranges::all_of(text, is_digit);
    if (!number)
        return refuse(text, "is not a transaction's number", "write digits, as pg_current_xact_id() shows them");
    return {};
}

Result<> restore_point(const std::string& text) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (text.empty() || text.size() > longest_name || std::ranges::any_of(text, control)) {
        return refuse(text, "is not the name of a restore point",
                      "write the name given to pg_create_restore_point(): 1 to 63 bytes on one line");
    }
    return {};
}

Result<> recovery_timeline(const std::string& text) {
    const auto number = parse_integer(text);
    const bool is_number = number && *number >= 1 && *number <= 0xFFFFFFFF;
    if (text != "latest" && text != "current" && !is_number) {
        return refuse(text, "is not a timeline", "write latest, current, or a timeline's number");
    }
    return {};
}

Result<> memory_size(const std::string& text) {
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
    const std::string_view unit = std::string_view(text).substr(end);
    const bool known = unit == "kB" || unit == "MB" || unit == "GB";
    if (end == 0 || end > 9 || !known) {
        return refuse(text, "is not a size of memory", "write it as in postgresql.conf: 32MB (kB, MB, GB)");
    }
    return {};
}

}  // namespace pgbosun::app
