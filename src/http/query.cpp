#include "http/query.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace pgbosun::http {
namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::optional<std::string> decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        int byte = text[i] == '+' ? ' ' : static_cast<unsigned char>(text[i]);
        if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_digit(text[i + 1]);
            const int low = hex_digit(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte < 0x20 || byte == 0x7F) return std::nullopt;
        decoded.push_back(static_cast<char>(byte));
    }
    return decoded;
}

std::optional<std::uint64_t> scaled(std::uint64_t number, std::uint64_t factor) {
    if (number > std::numeric_limits<std::uint64_t>::max() / factor) return std::nullopt;
    return number * factor;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// A number, then exactly one of the units.
template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto number = parse_number(text.substr(0, digits));
    if (!number) return std::nullopt;
    const auto unit = std::ranges::find(units, text.substr(digits), &Unit::name);
    if (unit == units.end()) return std::nullopt;
    return scaled(*number, unit->factor);
}

}  // namespace

Target split_target(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!target.starts_with(scheme)) continue;
        const auto slash = target.find('/', scheme.size());
        target = slash == std::string_view::npos ? "/" : target.substr(slash);
        break;
    }
    const auto mark = target.find('?');
    Target split{target.substr(0, mark), mark == std::string_view::npos ? "" : target.substr(mark + 1)};
    if (split.path.size() > 1 && split.path.ends_with('/')) split.path.remove_suffix(1);
    return split;
}

Result<Query> Query::parse(std::string_view text) {
    if (text.size() > max_query_bytes)
        return fail(FaultKind::refused, "the query string is longer than 2048 bytes", "leave out what is not needed");
    Query query;
    while (!text.empty()) {
        const auto part = text.substr(0, text.find('&'));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        if (part.empty()) continue;
        if (query.parameters_.size() == max_query_parameters) {
            return fail(FaultKind::refused, "the query string has more than 16 parameters",
                        "leave out what is not needed");
        }
        const auto equals = part.find('=');
        auto name = decode(part.substr(0, equals));
        auto value = decode(equals == std::string_view::npos ? "" : part.substr(equals + 1));
        if (!name || !value) {
            return fail(FaultKind::refused, "the query string holds a broken percent encoding or a control character",
                        "write a percent sign as %25, a blank as %20");
        }
        if (query.value(*name))
            return fail(FaultKind::refused, "the query parameter \"" + *name + "\" is given twice", "give it once");
        query.parameters_.emplace_back(std::move(*name), std::move(*value));
    }
    return query;
}

std::optional<std::string_view> Query::value(std::string_view name) const {
    for (const auto& [key, value] : parameters_) {
        if (key == name) return value;
    }
    return std::nullopt;
}

bool Query::has_prefix(std::string_view prefix) const {
    return std::ranges::any_of(parameters_, [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

std::optional<std::string_view> Query::stranger(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : parameters_) {
        if (std::ranges::find(known, std::string_view(key)) == known.end()) return key;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<Duration> parse_duration(std::string_view text) {
    static constexpr std::array<Unit, 3> units{{{"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}}};
    const auto nanoseconds = with_unit(text, units);
    if (!nanoseconds || *nanoseconds > static_cast<std::uint64_t>(Duration::max().count())) return std::nullopt;
    return Duration(static_cast<Duration::rep>(*nanoseconds));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    static constexpr std::uint64_t kilo = 1024;
    static constexpr std::array<Unit, 7> units{{{"", 1},
                                                {"B", 1},
                                                {"kB", kilo},
                                                {"KB", kilo},
                                                {"MB", kilo * kilo},
                                                {"GB", kilo * kilo * kilo},
                                                {"TB", kilo * kilo * kilo * kilo}}};
    return with_unit(text, units);
}

}  // namespace pgbosun::http
