#include "backup/timestamp.hpp"

#include <array>
#include <cstdio>

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

// Takes what it recognizes off the front of the text.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(text) {}

    [[nodiscard]] bool at_end() const { return rest_.empty(); }
    [[nodiscard]] bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

    bool take(std::string_view word) {
        if (!rest_.starts_with(word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }

    // Exactly so many digits.
    std::optional<int> number(int digits) {
        int value = 0;
        for (int at = 0; at < digits; ++at) {
            if (!at_digit()) return std::nullopt;
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value;
    }

    // One or more digits behind the point, as microseconds.
    std::optional<std::chrono::microseconds> fraction() {
        if (!at_digit()) return std::nullopt;
        int value = 0, taken = 0;
        for (; at_digit(); rest_.remove_prefix(1), ++taken) {
            if (taken < 6) value = value * 10 + (rest_.front() - '0');
        }
        for (; taken < 6; ++taken) value *= 10;
        return std::chrono::microseconds(value);
    }

private:
    std::string_view rest_;
};

std::optional<WallTime> read_date(Reader& reader) {
    const auto year = reader.number(4);
    if (!year || *year == 0 || !reader.take("-")) return std::nullopt;
    const auto month = reader.number(2);
    if (!month || !reader.take("-")) return std::nullopt;
    const auto day = reader.number(2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day)));
    if (!date.ok()) return std::nullopt;
    return WallTime(std::chrono::sys_days(date));
}

std::optional<std::chrono::microseconds> read_clock(Reader& reader) {
    const auto hours = reader.number(2);
    if (!hours || *hours > 23 || !reader.take(":")) return std::nullopt;
    const auto minutes = reader.number(2);
    if (!minutes || *minutes > 59) return std::nullopt;
    std::chrono::microseconds clock = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (!reader.take(":")) return clock;
    const auto seconds = reader.number(2);
    if (!seconds || *seconds > 59) return std::nullopt;
    clock += std::chrono::seconds(*seconds);
    if (!reader.take(".")) return clock;
    const auto fraction = reader.fraction();
    if (!fraction) return std::nullopt;
    return clock + *fraction;
}

// What is to be taken from a local time to make it UTC.
std::optional<std::chrono::seconds> read_zone(Reader& reader) {
    if (reader.at_end()) return std::chrono::seconds(0);
    reader.take(" ");
    if (reader.take("Z") || reader.take("z") || reader.take("UTC") || reader.take("GMT"))
        return std::chrono::seconds(0);
    const bool east = reader.take("+");
    if (!east && !reader.take("-")) return std::nullopt;
    const auto hours = reader.number(2);
    if (!hours || *hours > 15) return std::nullopt;
    std::chrono::seconds offset = std::chrono::hours(*hours);
    for (const auto unit : {std::chrono::seconds(60), std::chrono::seconds(1)}) {
        if (reader.at_end()) break;
        reader.take(":");
        const auto value = reader.number(2);
        if (!value || *value > 59) return std::nullopt;
        offset += *value * unit;
    }
    return east ? offset : -offset;
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
    Reader reader(text);
    const auto date = read_date(reader);
    if (!date) return std::nullopt;
    if (reader.at_end()) return *date;
    if (!reader.take(" ") && !reader.take("T")) return std::nullopt;
    const auto clock = read_clock(reader);
    if (!clock) return std::nullopt;
    const auto offset = read_zone(reader);
    if (!offset || !reader.at_end()) return std::nullopt;
    const auto time = *date + *clock - *offset;
    const auto year = parts_of(time).date.year();
    // Its zone may have carried it out of the years that can be written.
    if (year < std::chrono::year(1) || year > std::chrono::year(9999)) return std::nullopt;
    return time;
}

}  // namespace pgbosun::backup
