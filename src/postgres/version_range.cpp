#include <algorithm>
#include <array>
#include <charconv>

#include "postgres/metric_queries.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::size_t longest_range = 500;
constexpr std::array<long, 3> weights{1'000'000'000L, 10'000L, 1L};

struct Versions {
    long first;
    long end;
};

// "17", "17.2", "17.2.0", "17.x": the versions that begin so.
std::optional<Versions> parse_version(std::string_view text) {
    long first = 0;
    std::size_t part = 0;
    bool wild = false;
    while (part < weights.size()) {
        const auto dot = text.find('.');
        const std::string_view digits = text.substr(0, dot);
        if (digits == "x" || digits == "X" || digits == "*") {
            wild = true;
        } else {
            long value = 0;
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
            if (wild || digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return {};
            if (value < 0 || value > 9999) return {};
            first += value * weights.at(part);
        }
        if (!wild) ++part;
        if (dot == std::string_view::npos) {
            if (part == 0) return {};
            return Versions{first, first + weights.at(part - 1)};
        }
        text.remove_prefix(dot + 1);
    }
    return {};
}

}  // namespace

std::optional<VersionRange> VersionRange::parse(std::string_view text) {
    if (text.size() > longest_range) return std::nullopt;
    using Prefix = std::pair<std::string_view, Compare>;
    constexpr std::array prefixes{Prefix{">=", Compare::at_least}, Prefix{"<=", Compare::at_most},
                                  Prefix{"==", Compare::equal},    Prefix{"!=", Compare::unequal},
                                  Prefix{">", Compare::greater},   Prefix{"<", Compare::less},
                                  Prefix{"=", Compare::equal},     Prefix{"!", Compare::unequal}};
    VersionRange range;
    range.alternatives_.emplace_back();
    while (!text.empty()) {
        if (text.front() == ' ' || text.front() == ',') {
            text.remove_prefix(1);
            continue;
        }
        if (text.starts_with("||")) {
            if (range.alternatives_.back().empty()) return std::nullopt;
            range.alternatives_.emplace_back();
            text.remove_prefix(2);
            continue;
        }
        Term term{Compare::equal, 0, 0};
        for (const auto& [prefix, compare] : prefixes) {
            if (!text.starts_with(prefix)) continue;
            term.compare = compare;
            text.remove_prefix(prefix.size());
            break;
        }
        while (text.starts_with(' ')) text.remove_prefix(1);
        const auto length = std::min(text.find_first_of(" ,|"), text.size());
        const auto versions = parse_version(text.substr(0, length));
        if (!versions) return std::nullopt;
        term.version = versions->first;
        term.end = versions->end;
        range.alternatives_.back().push_back(term);
        text.remove_prefix(length);
    }
    if (range.alternatives_.back().empty()) return std::nullopt;
    return range;
}

bool VersionRange::contains(int server_version_num) const {
    if (alternatives_.empty()) return true;
    const long version = server_version_num / 10000 * weights[0] + server_version_num % 10000 * weights[1];
    const auto holds = [version](const Term& term) {
        const bool inside = version >= term.version && version < term.end;
        switch (term.compare) {
            case Compare::equal: return inside;
            case Compare::unequal: return !inside;
            case Compare::less: return version < term.version;
            case Compare::at_most: return version < term.end;
            case Compare::greater: return version >= term.end;
            case Compare::at_least: return version >= term.version;
        }
        return false;
    };
    return std::any_of(alternatives_.begin(), alternatives_.end(),
                       [&](const std::vector<Term>& terms) { return std::all_of(terms.begin(), terms.end(), holds); });
}

}  // namespace pgbosun::postgres
