#pragma once
// Decision: a switchover that nobody forced loses nothing, synchronous or not. The new primary is promoted when it holds all
// that the former one's data ends with. When it does not come to that, the former one gets its place back under a new term; when
// that one is gone too, it has become a failover.

#include <optional>
#include <string>
#include <string_view>

#include "controller/choose.hpp"
#include "controller/succession.hpp"

namespace pgbosun::controller {

// Of whom a switchover goes to; to replay more takes a second and longer, in which nobody would take writes.
inline constexpr std::uint64_t most_to_replay = 64ULL << 20;

// What keeps the primary from handing over to `name` now; empty: nothing.
std::string_view unfit_for_handover(const Field& field, const std::string& name);
// To whom it is best handed over: who is bound to its promises, and holds the most.
Pick pick_for_handover(const Field& field);

// The primary is fenced and has said where its data ends: it writes no more, and `name` has all of it.
bool holds_all_of_fenced(const Field& field, const std::string& name);

// All former primaries were shut down, and have said where their data ends: nobody holds more than the candidate.
bool holds_all_of_former(const Knowledge& known, const Proof& proof, const Seen& candidate);

// The recorded primary may not be promoted yet, because of who hands over to it; none hands over: false.
bool lacks_of_handover(const Knowledge& known, const Seen& candidate);

// What becomes of a handover that has not come to its end; none: nothing has to.
std::optional<Succession> end_handover(const Knowledge& known, const Policy& policy, const Proof& proof, Instant now);

}  // namespace pgbosun::controller
