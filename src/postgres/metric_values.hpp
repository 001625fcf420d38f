#pragma once
// Fact: what PostgreSQL's texts are as numbers, for metrics. As in CloudNativePG a date or timestamp is the whole seconds
// since 1970, and an interval is no number.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/pg_session.hpp"

namespace pgbosun::postgres {

// Of DateStyle ISO, which every session has. One without a time zone is of UTC. None: it is no number.
std::optional<double> number_of(std::string_view text, TypeOid type);

// "1h2m3.5s", "15.1 ms"; a bare number is milliseconds already.
std::optional<double> milliseconds_of(std::string_view text);

// "{1,2.5}", at most 1000 of them.
std::optional<std::vector<double>> numbers_of(std::string_view text);

// "an interval", "a text", "a value of type 3220".
std::string kind_of(TypeOid type);
// What makes a number of it.
std::string hint_for(TypeOid type);

}  // namespace pgbosun::postgres
