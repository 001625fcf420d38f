#pragma once
// How a request that is not understood is answered: each names the part that is wrong, and has a hint.

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "http/problem.hpp"
#include "http/query.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::http {

inline constexpr Duration max_wait = std::chrono::seconds(300);

// 405 with the field Allow. `allowed`: "GET, HEAD".
Problem wrong_method(const std::string& allowed);

// 400. `example`: a good value.
Problem bad_parameter(std::string_view name, std::string_view wanted, std::string_view example);
// 400 for the first parameter that is not among `known`.
std::optional<Problem> unknown_parameter(const Query& query, std::initializer_list<std::string_view> known);

struct WaitGiven {
    std::optional<Duration> wait;  // none: it is not given
    std::optional<Problem> problem;
};
// The parameter `wait`: how long to wait for the end of what is asked for.
WaitGiven read_wait(const Query& query);

// refused, for a field of the body; of a name that the asker chose, the first 100 bytes are repeated.
std::unexpected<Fault> wrong_field(std::string_view name, std::string_view wanted, std::string hint);
// `where`: "here", "to demote".
std::unexpected<Fault> unknown_field(std::string_view name, std::string_view where,
                                     std::initializer_list<std::string_view> known);

}  // namespace pgbosun::http
