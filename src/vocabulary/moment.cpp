#include "pgbosun/moment.hpp"

namespace pgbosun {
namespace {

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

// Its zone may carry it out of the years that can be written.
bool can_be_written(WallTime time) {
    const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year();
    return year >= std::chrono::year(1) && year <= std::chrono::year(9999);
}

std::unexpected<Fault> refuse(const std::string& text, std::string_view why, std::string hint) {
    return fail(FaultKind::refused, "\"" + text.substr(0, 100) + "\" " + std::string(why), std::move(hint));
}

}  // namespace

std::optional<ReadMoment> read_moment(std::string_view text) {
    Reader reader(text);
    const auto date = read_date(reader);
    if (!date) return std::nullopt;
    ReadMoment moment{.time = *date};
    if (reader.at_end()) return moment;
    if (!reader.take(" ") && !reader.take("T")) return std::nullopt;
    const auto clock = read_clock(reader);
    if (!clock) return std::nullopt;
    moment.has_clock = true;
    moment.time += *clock;
    if (reader.at_end()) return moment;
    const auto offset = read_zone(reader);
    if (!offset || !reader.at_end()) return std::nullopt;
    moment.has_zone = true;
    moment.time -= *offset;
    if (!can_be_written(moment.time)) return std::nullopt;
    return moment;
}

Result<WallTime> parse_moment(const std::string& text) {
    constexpr auto form = "write it as \"2026-01-30 10:00:00+00\"";
    const auto moment = read_moment(text);
    if (!moment || !moment->has_clock) return refuse(text, "is not a moment with a time zone in numbers", form);
    if (moment->has_zone) return moment->time;
    return refuse(text, "has no time zone: a server would read it in its own",
                  "write the zone too, such as \"" + text.substr(0, 30) + "+00\" for UTC");
}

}  // namespace pgbosun
