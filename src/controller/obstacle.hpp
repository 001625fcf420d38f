#pragma once
// Decision: what of an instance itself keeps it from being made primary, and what somebody could change about it. Whether it is on a
// list, or holds enough, is candidate.hpp's.

#include <string>
#include <string_view>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

struct Obstacle {
    std::string_view why;  // empty: nothing
    std::string_view hint;
};

Obstacle obstacle(const Knowledge& known, const Policy& policy, const std::string& name, Instant now);

// It has data, of whatever system: a new database is made for a new cluster only.
bool holds_data(const Knowledge& known, const std::string& name);

}  // namespace pgbosun::controller
