#pragma once
// What a controller knows while it leads: the record, what it saw of each instance and when, and what it has
// granted. Nothing of it outlives the leadership. All moments are of the controller's own clock, but for a
// report's.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/record.hpp"

namespace pgbosun::controller {

struct Member {
    Peer peer;
    int priority = 0;      // breaks ties; below 0: never primary
    std::string upstream;  // it streams from this standby while that one streams itself; empty: from the primary
    bool confirms = true;  // a commit may wait for it; false: it is never one of the synchronous standbys
};

struct SynchronousWish {
    SyncMethod method = SyncMethod::any;
    int number = 1;
    DataDurability durability = DataDurability::required;
};

struct Policy {
    std::string cluster;
    std::vector<Member> members;
    Duration ttl = std::chrono::seconds(3);
    Duration restart_window = std::chrono::seconds(5);  // a primary may take so long to come back by itself
    std::optional<std::uint64_t> max_lag;               // bytes; of an asynchronous candidate
    std::optional<SynchronousWish> synchronous;
    // A new cluster follows another one, by this conninfo or by its archive (archive_source); empty: it has a primary of its own.
    std::string source;
};

// What one status of an agent says, as far as it matters here.
struct Report {
    std::string instance;
    std::string cluster;
    Echo echo;  // the agent's clock at that moment
    Term term = 0;
    Term accepted = 0;                    // the last term as whose primary it accepted
    Term first_term = 0;                  // `accepted` says nothing of this one and before; 0: it says nothing at all
    std::string primary;                  // of `term`, as it was told
    std::optional<std::string> upstream;  // the conninfo that it streams from, as it was told; none: it does not say
    bool delayed = false;                 // it replays later than it could
    bool serving = false;                 // postgres takes writes, and may
    bool stopped = true;                  // no postgres that takes writes, or could without a new right
    bool fenced = false;
    bool full = false;       // a volume of it has no room
    bool able = false;       // it could be promoted: data, and a postgres that runs or can
    bool ending = false;     // it has been asked to end, and serves no more in this life
    bool streaming = false;  // from the primary of `term`
    // As primary: by name, who streams from it; none: it does not say.
    std::optional<std::vector<std::string>> standbys;
    bool runs_as_standby = false;  // postgres answers, and others can stream from it
    Reach reach;                   // all that it holds
    // How old that knowledge is. none: it is no knowledge, and it may hold more.
    std::optional<Duration> reach_age = Duration{};
    Lsn newest;                   // the furthest position that it has heard of, of the same WAL; at least what it holds
    std::uint64_t to_replay = 0;  // bytes that it holds and has not replayed; 0 too where it does not say
    std::optional<SystemId> system_id;
    std::uint64_t promotable_version = 0;   // as primary: the list it has taken over
    std::uint64_t synchronous_version = 0;  // as primary: the rule it has taken over
    Duration promised_for{};                // how long a promise for `term` still binds it
    Duration bound_for{};                   // how long it accepts no promotion: promises, and those of a life before
};

struct Seen {
    Report report;
    Instant asked_at{};
    Instant received_at{};
    Instant reached_at{};  // what it says of its data was so then, or later; the clock's begin: it does not know
    bool answered = false;
    std::optional<Instant> good_at;  // when it was last seen fit for the promotable list
};

enum class WishStep {
    checkpoint,  // the recorded primary writes one first, so that its shutdown is a short one
    ready,       // it is carried out as soon as it can be
    recorded,    // the record names who was asked for; until that one serves
    overtaken,   // the record names somebody else meanwhile: nothing comes of it any more
};

// What the candidate of a failover lacks comes from another standby first: fast_forward.hpp.
struct FastForward {
    std::string candidate;
    std::string from;    // empty: not now
    Lsn reached;         // of the candidate
    Instant begun_at{};  // the first of this failover
    Instant moved_at{};  // since when the candidate has reached as much, or streams from there
};

// An operator's wish, from the answer on until it is so or is given up; it ends with this controller's leadership.
struct Wanted {
    std::string primary;
    DataLoss data_loss = DataLoss::refused;  // accepted: a failover by force
    Instant until{};                         // when it is given up, unless it is recorded then
    WishStep step = WishStep::ready;
    std::string from{};  // the recorded primary when it was asked for
};

struct Knowledge {
    Instant leader_since{};
    Instant leader_until{};           // counted from before the election was asked for or renewed
    std::optional<Record> record;     // none: it must be read first
    std::optional<Record> in_flight;  // being written
    Term latest_term = 0;             // of all records that were read or written
    std::map<std::string, Seen> seen;
    std::map<std::string, Instant> leased_until;  // when the last grant to it has run out, for certain
    std::map<std::string, Instant> stopped_at;    // under the record's term
    std::map<std::string, Instant>
        absent_since;         // of the recorded primary's standbys, since when it has none of that name
    Instant served_at{};      // when the recorded primary was last seen serving, or became it
    Instant fenced_at{};      // when it was last seen fenced, under its term
    bool has_served = false;  // the recorded primary, under its term, as far as we know
    // The recorded primary has seen the term, so it promises for no older one, and nothing that it promised
    // holds: a former primary that was kept up by promises alone has stopped too.
    std::optional<Instant> unbound_at;
    std::optional<Instant> promoted_at;  // when it was first told to become it
    Instant lease_ttl_since{};  // since when no lease longer than the record's lease_ttl is granted, for all we know
    std::optional<Wanted> wanted;
    std::optional<FastForward> fast_forward;  // of this term; it only says how long the failover has waited for it
};

Knowledge elected(Instant now, Instant leader_until);
// The record was read, or written by us.
void learn(Knowledge& known, Record record, Instant now);
// What the record says is not known any more: a write has failed, or nobody knows whether it was done.
void forget_record(Knowledge& known);
// A status has arrived that was asked for at `asked_at`. One that is older than the newest changes nothing.
void observe(Knowledge& known, const Policy& policy, Report report, Instant asked_at, Instant received_at);

// What can no longer be asked for without a contradiction; none: there is no wish, or it is in the record.
const Wanted* pending_wish(const Knowledge& known);
const Seen* find(const Knowledge& known, const std::string& name);
// Until when an instance may hold a lease of this controller or of one before it.
Instant lease_end(const Knowledge& known, const Policy& policy, const std::string& name);
// For how long a lease may be granted now; 0: the record must say so first.
Duration lease_to_grant(const Record& record, const Policy& policy);
// How long a lease of an earlier leader may be, whatever its own configuration said.
Duration longest_lease(const Knowledge& known, const Policy& policy);
bool is_serving(const Knowledge& known, const Policy& policy, Instant now);
// Whether the recorded primary has said for so long that `name` does not stream from it.
bool is_absent(const Knowledge& known, const std::string& name, Duration patience);

}  // namespace pgbosun::controller
