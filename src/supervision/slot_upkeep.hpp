#pragma once
// Carries out what slot_plan says on the server of this instance. Control thread.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pgbosun/instance_status.hpp"
#include "supervision/slot_plan.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

// A physical slot on the server of `session`, which keeps WAL from now on; one that is of no use any more is made anew. Done
// also when it is there already.
Task<Result<>> make_slot(PgSession& session, std::string name);

class SlotUpkeep {
public:
    SlotUpkeep(Surroundings& outside, const Settings& settings) : outside_(outside), settings_(settings) {}

    struct Situation {
        Role role = Role::none;
        std::string primary;               // a standby: conninfo of whom it mirrors; empty: of nobody now
        bool mirrors_none = false;         // a standby of a cluster that follows another one: what it mirrored goes
        std::vector<std::string> members;  // empty: not known
        bool short_of_room = false;
        std::string streams_by;  // a standby: its own slot on whom it streams from, which is there; empty: none
    };
    // While the server accepts queries. What fails is logged, and done by the next call. What is mirrored is on the volume
    // before it is made: killed in between, the next call makes it, or finds that nothing is there to be dropped.
    Task<> run(Situation situation);
    // On the server here, as run() saw them last.
    [[nodiscard]] const std::vector<postgres::ReplicationSlot>& slots() const { return slots_; }
    // Of a server that is no more.
    void forget() { slots_.clear(); }

private:
    struct Theirs {
        std::vector<postgres::ReplicationSlot> slots;
        std::string_view gone;  // why what is not among them is dropped
    };
    Task<std::optional<Theirs>> theirs(Situation situation);
    void tell_once(const std::string& about, const std::string& what);
    Task<> turn_to_slot(PgSession& session, std::string slot);
    Task<bool> carry_out(PgSession& session, SlotStep step);

    Surroundings& outside_;
    const Settings& settings_;
    std::vector<postgres::ReplicationSlot> slots_;
    std::map<std::string, Instant> idle_since_;
    std::set<std::string> told_;  // what has failed, until it is done
};

}  // namespace pgbosun::supervision
