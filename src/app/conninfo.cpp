#include "app/conninfo.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace pgbosun::app {
namespace {

constexpr std::array<std::string_view, 3> secret_keywords = {"password", "sslpassword", "oauth_client_secret"};

// Where a value stands in the text, with its quotes.
struct Pair {
    std::string_view keyword;
    std::size_t begin = 0, end = 0;
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }

void skip_space(std::string_view text, std::size_t& at) {
    while (at < text.size() && is_space(text[at])) ++at;
}

// Just past the value that begins at `at`; none: a quote is not closed.
std::optional<std::size_t> value_end(std::string_view text, std::size_t at) {
    const bool quoted = at < text.size() && text[at] == '\'';
    if (quoted) ++at;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (quoted && text[at] == '\'') {
            return at + 1;
        } else if (!quoted && is_space(text[at])) {
            return at;
        }
    }
    if (quoted) return std::nullopt;
    return text.size();
}

std::optional<std::vector<Pair>> keyword_pairs(std::string_view text) {
    std::vector<Pair> pairs;
    for (std::size_t at = 0;;) {
        skip_space(text, at);
        if (at == text.size()) return pairs;
        const auto begin = at;
        while (at < text.size() && !is_space(text[at]) && text[at] != '=') ++at;
        const auto keyword = text.substr(begin, at - begin);
        skip_space(text, at);
        if (keyword.empty() || at == text.size() || text[at] != '=') return std::nullopt;
        skip_space(text, ++at);
        const auto end = value_end(text, at);
        if (!end) return std::nullopt;
        pairs.push_back({keyword, at, *end});
        at = *end;
    }
}

bool is_uri(std::string_view text) { return text.starts_with("postgres://") || text.starts_with("postgresql://"); }

// Credentials end at the first '@' before any '/', whatever else is between: as libpq reads it.
std::vector<Pair> uri_pairs(std::string_view text) {
    std::vector<Pair> pairs;
    auto rest = text.find("://") + 3;
    const auto at_sign = text.find_first_of("@/", rest);
    if (at_sign != std::string_view::npos && text[at_sign] == '@') {
        const auto colon = text.substr(0, at_sign).find(':', rest);
        if (colon != std::string_view::npos) pairs.push_back({"password", colon + 1, at_sign});
        rest = at_sign;
    }
    for (auto at = text.find('?', rest); at != std::string_view::npos && at < text.size();) {
        const auto begin = at + 1;
        const auto end = std::min(text.find('&', begin), text.size());
        const auto equals = std::min(text.find('=', begin), end);
        pairs.push_back({text.substr(begin, equals - begin), std::min(equals + 1, end), end});
        at = end;
    }
    return pairs;
}

// A percent sign can hide the name of a keyword of a URI.
bool is_secret(const Pair& pair) {
    return std::ranges::find(secret_keywords, pair.keyword) != secret_keywords.end() ||
           pair.keyword.find('%') != std::string_view::npos;
}

std::optional<std::vector<Pair>> pairs_of(std::string_view text) {
    if (is_uri(text)) return uri_pairs(text);
    return keyword_pairs(text);
}

}  // namespace

Result<> check_conninfo(std::string_view text) {
    const auto pairs = pairs_of(text);
    if (!pairs || (pairs->empty() && !is_uri(text))) {
        return fail(FaultKind::refused, "not a connection string", "write it as \"host=pg-1 port=5432 user=name\"");
    }
    if (std::ranges::any_of(*pairs, is_secret)) {
        return fail(FaultKind::refused, "holds a password",
                    "take it out of the connection string, put it into a file and name that file in password_file");
    }
    return {};
}

std::string masked_conninfo(std::string_view text) {
    const auto pairs = pairs_of(text);
    if (!pairs) return "***";
    std::string result;
    std::size_t copied = 0;
    for (const auto& pair : *pairs) {
        if (!is_secret(pair)) continue;
        result += text.substr(copied, pair.begin - copied);
        result += "***";
        copied = pair.end;
    }
    return result += text.substr(copied);
}

}  // namespace pgbosun::app
