#include "app/key_suggestion.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include "app/settings_keys.hpp"

namespace pgbosun::app {
namespace {

constexpr std::size_t longest_compared = 64;

// "passwordFile", "password-file" and "password_file" are the same word.
std::string plain(std::string_view name) {
    std::string result;
    for (const char c : name) {
        if (c != '_' && c != '-') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    return result;
}

// Insertions, deletions, substitutions and swapped neighbours, each for one.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
    for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            cost[i][j] =
                std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a.size()][b.size()];
}

std::string_view parent_of(std::string_view path) {
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('.') + 1); }

using Candidates = std::set<std::string, std::less<>>;

void add_with_sections(Candidates& all, std::string_view key) {
    for (std::string_view path = key; !path.empty(); path = parent_of(path)) all.emplace(path);
}

Candidates keys_and_sections() {
    Candidates all;
    for (const auto& key : settings_keys()) add_with_sections(all, key.path);
    return all;
}

std::optional<std::string> closest(std::string_view path, const Candidates& candidates) {
    if (name_of(path).size() > longest_compared) return std::nullopt;
    const auto wanted = plain(name_of(path));
    std::optional<std::string> best;
    auto smallest = std::max<std::size_t>(1, wanted.size() / 3) + 1;
    for (const auto& candidate : candidates) {
        const auto name = plain(name_of(candidate));
        if (parent_of(candidate) == parent_of(path)) {
            const auto cost = distance(wanted, name);
            if (cost < smallest) {
                smallest = cost;
                best = candidate;
            }
        } else if (name == wanted && !best) {
            best = candidate;
            smallest = 2;
        }
    }
    return best;
}

}  // namespace

std::optional<std::string> suggest_key(std::string_view path) {
    static const auto candidates = keys_and_sections();
    return closest(path, candidates);
}

std::optional<std::string> suggest_among(std::string_view path, const std::vector<std::string>& keys) {
    Candidates candidates;
    for (const auto& key : keys) add_with_sections(candidates, key);
    return closest(path, candidates);
}

}  // namespace pgbosun::app
