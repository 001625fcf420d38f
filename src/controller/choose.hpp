#pragma once
// The whole policy of the controller, as a function of what it knows. At most one change of the record at a
// time, and at most one assignment for each status that has arrived.
//
//  * A primary that serves gets a grant for each of its statuses, and the lists and rules are moved on, one
//  step each.
//  * One that does not serve is waited for: a lease time when it is silent, restart_window when its agent
//  answers.
//    Then the best candidate is recorded under the next term, when it has what others hold (fast_forward.hpp). Nobody
//    is promoted before the record says so.
//  * The recorded primary is promoted when every former one has acknowledged its stop under this term, or all
//  leases
//    have run out; and when what was asked for after that shows that it holds what was acknowledged.
//  * A record that is older than the instances is not acted on (old_record.hpp).

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/candidate.hpp"
#include "controller/knowledge.hpp"

namespace pgbosun::controller {

struct Write {
    Record record;
};
struct Assign {
    Assignment assignment;  // its `instance` says to whom
};
using Action = std::variant<Write, Assign>;

struct Choice {
    std::vector<Action> actions;
    std::string waits_for;              // for status; empty: all is well
    std::string_view hint;              // what somebody could do about that; empty: it is in operations.md
    std::optional<Instant> look_again;  // something is due then although nothing may arrive
};

// Notes in `known` what it grants and writes. Nothing while it may not lead.
Choice choose(Knowledge& known, const Policy& policy, Instant now);

// When every former instance has stopped for certain; none: it is not certain yet.
struct Proof {
    Instant at{};
    FormerPrimary former = FormerPrimary::perhaps_alive;  // stopped: each has acknowledged it
    bool vouched_for = true;  // for each that has not, an operator has said that it is stopped for good
};
std::optional<Proof> proof_of_stop(const Knowledge& known, const Policy& policy, Instant now);

}  // namespace pgbosun::controller
