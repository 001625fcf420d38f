#pragma once
// Decision: whether the record is older than what the instances were told from it. Then an earlier one has been put in its place,
// from a backup of the engine, say: who may write now is not in it, so nothing that it says makes or keeps a primary. And what
// becomes of it when an operator says who is to be primary.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

// "the record is older than the instances (term 7 of pg-3)"; empty: neither an instance nor this controller knows of anything
// later. Who has data of another system is of another cluster with this one's name, and does not count.
std::string why_old(const Knowledge& known);

inline constexpr std::string_view hint_to_renew =
    "put the newer record back from a backup of the engine; without one: pgbosun-controller failover --to NAME, who "
    "serves or holds the most";

// The record begins anew with `to` as primary, under a term that nobody has seen: every other instance has to stop under that
// first, whatever right it may have, or is one of `lost`, who are stopped for good as the operator vouches.
struct Renewal {
    std::optional<Record> record;  // none: it may not
    std::string why_not;
    std::string hint;
};
Renewal renew(const Knowledge& known, const Policy& policy, const std::string& to, const std::vector<std::string>& lost,
              Instant now);

}  // namespace pgbosun::controller
