#include "postgres/metric_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_numbers = 1000;

// Of pg_type; they never change.
enum Oid : TypeOid {
    oid_bool = 16,
    oid_date = 1082,
    oid_timestamp = 1114,
    oid_timestamptz = 1184,
    oid_interval = 1186
};

struct Kind {
    TypeOid type;
    std::string_view name;
};
constexpr std::array kinds{
    Kind{oid_interval, "an interval"},
    Kind{1083, "a time"},
    Kind{1266, "a time with time zone"},
    Kind{oid_date, "such a date"},
    Kind{oid_timestamp, "such a timestamp"},
    Kind{oid_timestamptz, "such a timestamp"},
    Kind{25, "a text"},
    Kind{1043, "a text"},
    Kind{1042, "a text"},
    Kind{19, "a name"},
    Kind{114, "a json"},
    Kind{3802, "a jsonb"},
    Kind{17, "a bytea"},
    Kind{2950, "a uuid"},
    Kind{869, "an inet"},
    Kind{3220, "a pg_lsn"},
    Kind{0, "such a value"},
};

// Takes characters off the front of a text.
class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}
    [[nodiscard]] bool done() const { return text_.empty(); }
    [[nodiscard]] bool good() const { return good_; }
    bool skip(std::string_view what) {
        if (!text_.starts_with(what)) return false;
        text_.remove_prefix(what.size());
        return true;
    }
    void need(std::string_view what) { good_ = skip(what) && good_; }
    int digits(std::size_t fewest, std::size_t most) {
        const auto length = std::min(text_.find_first_not_of("0123456789"), text_.size());
        int value = 0;
        good_ = good_ && length >= fewest && length <= most;
        if (good_) std::from_chars(text_.data(), text_.data() + length, value);
        text_.remove_prefix(length);
        return value;
    }

private:
    std::string_view text_;
    bool good_ = true;
};

// "15:33:31.25+05:30" in seconds, without the fraction.
std::chrono::seconds time_of_day(Reader& reader) {
    using namespace std::chrono;
    seconds total = hours(reader.digits(2, 2));
    reader.need(":");
    total += minutes(reader.digits(2, 2));
    reader.need(":");
    total += seconds(reader.digits(2, 2));
    if (reader.skip(".")) reader.digits(1, 6);
    const bool east = reader.skip("+");
    if (!east && !reader.skip("-")) return total;
    seconds offset = hours(reader.digits(2, 2));
    if (reader.skip(":")) offset += minutes(reader.digits(2, 2));
    if (reader.skip(":")) offset += seconds(reader.digits(2, 2));
    return east ? total - offset : total + offset;
}

std::optional<double> unix_seconds(std::string_view text) {
    using namespace std::chrono;
    constexpr int last_year = 32767;  // that std::chrono knows
    if (text == "infinity") return std::numeric_limits<double>::infinity();
    if (text == "-infinity") return -std::numeric_limits<double>::infinity();
    Reader reader(text);
    int of_era = reader.digits(4, 6);
    reader.need("-");
    const month in_year(static_cast<unsigned>(reader.digits(2, 2)));
    reader.need("-");
    const day in_month(static_cast<unsigned>(reader.digits(2, 2)));
    const seconds later = reader.skip(" ") && !reader.skip("BC") ? time_of_day(reader) : seconds(0);
    if (text.ends_with(" BC")) {
        of_era = 1 - of_era;
        reader.skip(" BC");
    }
    if (!reader.good() || !reader.done() || of_era > last_year) return std::nullopt;
    const year_month_day date(year(of_era), in_year, in_month);
    if (!date.ok()) return std::nullopt;
    return static_cast<double>((sys_days(date).time_since_epoch() + later).count());
}

std::optional<double> plain_number(std::string_view text) {
    if (text == "t" || text == "true") return 1;
    if (text == "f" || text == "false") return 0;
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// In milliseconds; 0: there is no such unit.
double unit(std::string_view name) {
    if (name == "h") return 3'600'000;
    if (name == "m") return 60'000;
    if (name == "s") return 1000;
    if (name == "ms") return 1;
    if (name == "us" || name == "\u00b5s") return 1e-3;
    if (name == "ns") return 1e-6;
    return 0;
}

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(' '), text.size())); }

}  // namespace

std::optional<double> number_of(std::string_view text, TypeOid type) {
    if (type == oid_date || type == oid_timestamp || type == oid_timestamptz) return unix_seconds(text);
    return plain_number(text);
}

std::optional<double> milliseconds_of(std::string_view text) {
    if (const auto plain = plain_number(text)) return plain;
    double total = 0;
    const double sign = text.starts_with('-') ? -1 : 1;
    if (sign < 0) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        double value = 0;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        skip_blanks(text);
        const auto length = std::min(text.find_first_of("0123456789. "), text.size());
        const double factor = unit(text.substr(0, length));
        if (factor == 0) return std::nullopt;
        total += value * factor;
        text.remove_prefix(length);
        skip_blanks(text);
    }
    return sign * total;
}

std::optional<std::vector<double>> numbers_of(std::string_view text) {
    if (!text.starts_with('{') || !text.ends_with('}') || text.size() < 2) return std::nullopt;
    text = text.substr(1, text.size() - 2);
    std::vector<double> values;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        const auto value = plain_number(text.substr(0, end));
        if (!value || values.size() == most_numbers) return std::nullopt;
        values.push_back(*value);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return values;
}

std::string kind_of(TypeOid type) {
    const auto found = std::ranges::find(kinds, type, &Kind::type);
    return found == kinds.end() ? "a value of type " + std::to_string(type) : std::string(found->name);
}

std::string hint_for(TypeOid type) {
    if (type == oid_interval) return "extract(epoch from ...) makes seconds of it";
    return "cast it to a number, or give the column another usage: LABEL, MAPPEDMETRIC or DISCARD";
}

}  // namespace pgbosun::postgres
