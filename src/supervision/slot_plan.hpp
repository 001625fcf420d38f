#pragma once
// Decision: which replication slots a member of a cluster makes, moves on and drops. Pure.
//
// A consumer that asks a new primary for WAL gets it only where that one has kept it: so a standby keeps a physical slot of
// the same name wherever the primary has one (CloudNativePG's synchronizeReplicas, Patroni's permanent slots). A slot holds
// WAL back for as long as it is there: so what is no longer on the primary goes, and a member that stays away loses its own.

#include <map>
#include <string>
#include <vector>

#include "pgbosun/settings.hpp"
#include "pgbosun/time.hpp"
#include "postgres/slots.hpp"

namespace pgbosun::supervision {

struct SlotStep {
    enum class Kind { make, advance, drop };
    Kind kind = Kind::make;
    std::string slot;
    Lsn to;                // advance
    std::string_view why;  // drop
    bool operator==(const SlotStep&) const = default;
};

struct SlotPlan {
    std::vector<SlotStep> steps;        // in this order
    std::vector<std::string> mirrored;  // sorted: what a standby has because its primary has it, from now on
    bool operator==(const SlotPlan&) const = default;
};

// Of a standby: `ours` and `theirs` are the slots here and on the primary. `mirrored`: of the plan before. A slot that is here and
// was not mirrored is somebody's own, of the same name or not: it is left alone. `gone`: why others are dropped.
SlotPlan mirror_slots(const ReplicationSlotSettings& settings, const std::string& instance,
                      const std::vector<postgres::ReplicationSlot>& ours,
                      const std::vector<postgres::ReplicationSlot>& theirs, const std::vector<std::string>& mirrored,
                      std::string_view gone = "the primary has it no more");

struct MemberSlots {
    std::vector<std::string> members;   // of the cluster, this instance too; empty: not known
    bool short_of_room = false;         // the volume of WAL is nearly full
    std::vector<std::string> mirrored;  // they go when the primary's do
};

// By which members streamed from here, and do not any more. `idle_since`: when each slot that nobody streams by was first seen
// so, kept from call to call.
std::vector<SlotStep> drop_member_slots(const ReplicationSlotSettings& settings, const std::string& instance,
                                        const MemberSlots& facts, const std::vector<postgres::ReplicationSlot>& slots,
                                        std::map<std::string, Instant>& idle_since, Instant now);

// synchronized_standby_slots of a primary whose logical consumers must not be ahead of who may be promoted: the slots by which
// `standbys` stream. PostgreSQL waits for each of them, so who is not there, or streams without one, is not waited for.
std::string confirming_slots(const ReplicationSlotSettings& settings, const std::vector<std::string>& standbys,
                             const std::vector<postgres::ReplicationSlot>& slots);

}  // namespace pgbosun::supervision
