#pragma once
// The part of a request's target after the question mark, and the values that stand in it.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::http {

inline constexpr std::size_t max_query_bytes = 2048;
inline constexpr std::size_t max_query_parameters = 16;

struct Target {
    std::string_view path;   // as sent: no path of ours needs percent encoding; one trailing slash is taken off
    std::string_view query;  // without the question mark
};
// Also takes the absolute form ("http://host/path") that proxies send.
Target split_target(std::string_view target);

class Query {
public:
    // refused: broken percent encoding, control characters, a name given twice, too much of it.
    static Result<Query> parse(std::string_view text);

    [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const;
    [[nodiscard]] bool has_prefix(std::string_view prefix) const;
    // The first name that is not in the list.
    [[nodiscard]] std::optional<std::string_view> stranger(std::initializer_list<std::string_view> known) const;

private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

std::optional<std::uint64_t> parse_number(std::string_view text);
// "500ms", "30s", "2m".
std::optional<Duration> parse_duration(std::string_view text);
// Bytes: "1048576", "16kB", "10MB", "1GB", "1TB"; powers of 1024, as in PostgreSQL and Patroni.
std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace pgbosun::http
