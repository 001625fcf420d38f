#pragma once
// Decision: whether a failover waits until its candidate has what another standby holds. Who holds the most may be one that
// must not be promoted: then the candidate streams from that one first, under the term that is, as a cascading standby does.
// Nothing else changes: who may be promoted is judged as ever, by what it holds then.

#include <optional>
#include <string>

#include "controller/candidate.hpp"

namespace pgbosun::controller {

// Others keep so much for certain, and by default twice as much (wal_keep_size). A standby that is told that the WAL it needs
// is gone may be cloned anew, and is no candidate then.
inline constexpr std::uint64_t most_to_fetch = 256ULL << 20;

// From whom `candidate` is to stream what it lacks, and since when it does; none: nobody holds more that it could have. Both hold
// data of the recorded term on one timeline: nothing else is one history for certain, whenever the assignment arrives.
std::optional<FastForward> fast_forward(const Field& field, const std::string& candidate);

// When what is missing is given up: nothing has come for one lease time, for which a silent primary is waited for, too; or after
// three of them, in which an upstream has to give something in any case.
Instant gives_up_at(const FastForward& it, const Policy& policy);

// "pg-2 first streams from pg-3, which holds more"
std::string to_text(const FastForward& it);

}  // namespace pgbosun::controller
