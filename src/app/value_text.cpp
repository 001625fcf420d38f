#include "app/value_text.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

namespace pgbosun::app {
namespace {

using Unit = std::pair<std::string_view, std::uint64_t>;

// Smallest first.
constexpr std::array<Unit, 5> duration_units = {
    {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 5> size_units = {
    {{"B", 1}, {"kB", 1ULL << 10}, {"MB", 1ULL << 20}, {"GB", 1ULL << 30}, {"TB", 1ULL << 40}}};
constexpr std::array<Unit, 4> kubernetes_units = {
    {{"Ki", 1ULL << 10}, {"Mi", 1ULL << 20}, {"Gi", 1ULL << 30}, {"Ti", 1ULL << 40}}};

constexpr std::uint64_t longest_duration_ms = 100ULL * 86'400'000;

struct Quantity {
    std::uint64_t number = 0;
    std::string_view unit;
};

std::optional<Quantity> split(std::string_view text) {
    Quantity quantity;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
    if (error != std::errc()) return std::nullopt;
    quantity.unit = text.substr(static_cast<std::size_t>(end - text.data()));
    while (quantity.unit.starts_with(' ')) quantity.unit.remove_prefix(1);
    return quantity;
}

template <std::size_t N>
std::optional<std::uint64_t> factor(const std::array<Unit, N>& units, std::string_view name) {
    for (const auto& [unit, value] : units) {
        if (unit == name) return value;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> product(std::uint64_t number, std::uint64_t factor, std::uint64_t limit) {
    if (number > limit / factor) return std::nullopt;
    return number * factor;
}

template <std::size_t N>
std::string in_largest_unit(const std::array<Unit, N>& units, std::uint64_t value) {
    auto best = units.front();
    for (const auto& unit : units) {
        if (value != 0 && value % unit.second == 0) best = unit;
    }
    return std::to_string(value / best.second) + std::string(best.first);
}

std::string in_quotes(std::string_view text) { return "\"" + std::string(text.substr(0, 100)) + "\""; }

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    constexpr auto hint = "write a whole number and a unit: 500ms, 3s, 5min, 1h";
    const auto quantity = split(text);
    if (!quantity) return fail(FaultKind::refused, in_quotes(text) + " is not a duration", hint);
    if (quantity->number == 0 && quantity->unit.empty()) return Duration(0);
    const auto unit = factor(duration_units, quantity->unit);
    if (!unit) {
        const auto what = quantity->unit.empty() ? " has no unit" : " is not a duration";
        return fail(FaultKind::refused, in_quotes(text) + what, hint);
    }
    const auto value = product(quantity->number, *unit, longest_duration_ms);
    if (!value) return fail(FaultKind::refused, in_quotes(text) + " is more than 100 days", hint);
    return std::chrono::milliseconds(*value);
}

std::string duration_text(Duration duration) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    return ms == 0 ? "0s" : in_largest_unit(duration_units, static_cast<std::uint64_t>(ms));
}

Result<std::uint64_t> parse_size(std::string_view text) {
    constexpr auto hint = "write a whole number and a unit: 512kB, 16MB, 1GB";
    const auto quantity = split(text);
    if (!quantity) return fail(FaultKind::refused, in_quotes(text) + " is not a size", hint);
    if (quantity->number == 0 && quantity->unit.empty()) return 0;
    auto unit = factor(size_units, quantity->unit);
    if (!unit) unit = factor(kubernetes_units, quantity->unit);
    if (!unit) {
        const auto what = quantity->unit.empty() ? " has no unit" : " is not a size";
        return fail(FaultKind::refused, in_quotes(text) + what, hint);
    }
    const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto value = product(quantity->number, *unit, limit);
    if (!value) return fail(FaultKind::refused, in_quotes(text) + " is too large", hint);
    return *value;
}

std::string size_text(std::uint64_t bytes) { return in_largest_unit(size_units, bytes); }

Result<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        return fail(FaultKind::refused, in_quotes(text) + " is not a whole number");
    }
    return value;
}

}  // namespace pgbosun::app
