#pragma once
// The right to write of one instance whose role a controller assigns: pure rules, one clock, no I/O.
//
// A primary of term t may run a writable postgres only while now < valid_until(), the later of
//  1. its lease: a grant hands back a reading X of this agent's own clock, and holds until X + ttl;
//  2. the promises of all members of the promotable list that it has taken over, each counted from when it
//  was asked.
// Whoever gives (a promise here, a lease in the controller) waits for ttl and a twentieth more, as two clocks
// that both count three seconds do not stop together.
//
// Every function answers the state after it. What of it is `record` must be on disk before the answer is
// given and before anything of it counts; while that takes, the next message waits. A smaller right counts at
// once.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "instance/part.hpp"
#include "pgbosun/assignment.hpp"

namespace pgbosun::instance {

// What the giving side adds to each wait, so that clocks may differ by a few per cent.
constexpr Duration with_margin(Duration wait) { return wait + wait / 20; }

using pgbosun::AgentRecord;

struct ReceivedPromise {
    std::string from;
    Instant until{};
};

struct Right {
    AgentRecord record;
    std::string boot_id;
    Instant up_since{};
    Duration ttl{};  // lease.ttl of this agent's configuration: no grant and no promise is longer
    std::optional<Instant> leased_until;
    std::vector<ReceivedPromise> promises;  // for record.term
    std::optional<Instant> promised_until;  // given by us; promotion waits
    std::optional<Instant> stop_by;         // the right of the term before: until then a demotion may take
};

bool is_primary(const Right& right);
// none: it has no right. Instant::max(): nobody else can be promoted, so it needs nobody's leave.
std::optional<Instant> valid_until(const Right& right);
bool may_write(const Right& right, Instant now);
// What it may be at `now`; ask for a moment a little later than it is, and a postgres can still be stopped in time.
Part part_of(const Right& right, Instant now);
// The next moment at which that may change by itself; none: only by what somebody says.
std::optional<Instant> next_change(const Right& right, Instant now);
// When what is left of postgres must be dead, whatever it is doing: what the guard enforces.
std::optional<Instant> stop_by(const Right& right);

// What the instance is at this moment, as far as promotion depends on it.
enum class Data { none, standby, primary };
struct Local {
    Data data = Data::none;
    Timeline timeline{};
    Lsn lsn;
    bool fenced = false;
    bool ending = false;
};

enum class Refusal {
    other_cluster,
    other_instance,
    malformed,
    old_term,
    other_primary,  // two primaries were named for one term
    no_lease,       // a term that is to be known, before its primary may be one
    late,           // its lease has run out, or is of another life of this agent
    promised,
    just_started,
    fenced,
    ending,
    no_data,
    data_behind,
    is_primary,  // asked for a promise
    new_volume,  // asked for a promise before a controller has named a term: an earlier volume may have known a higher one
};
std::string_view reason(Refusal refusal);
std::string_view hint(Refusal refusal);

// `right` is to be kept also when there is a refusal: a higher term has been seen.
struct Reception {
    Right right;
    std::optional<Refusal> refusal;
    std::optional<Instant> again_at;  // when the same would be accepted, if that is known
};
Reception receive(const Right& right, const Assignment& assignment, const Local& local, Instant now);

struct PromiseGiven {
    Right right;
    PromiseAnswer answer;
    std::optional<Refusal> refusal;
};
PromiseGiven give_promise(const Right& right, const PromiseRequest& request, Instant now);

// What a primary asks its promotable members for; none: it is no primary.
std::optional<PromiseRequest> ask_promise(const Right& right, Instant now);
// An answer that is late, doubled or of an earlier term or life changes nothing.
Right take_promise(const Right& right, const PromiseAnswer& answer, Instant now);

Reach reach(const Right& right, Timeline timeline, Lsn lsn);
// It streams from the primary of the term that it has seen, on that primary's timeline.
Right streams(const Right& right);
// Its data is about to be changed by pg_rewind or replaced: until it streams it counts as the oldest there
// is.
Right loses_data(const Right& right);

// No postgres of the term before is left: nothing is to be stopped any more.
Right stopped(const Right& right);

// Until when it accepts no promotion, unless it is told that every former primary has stopped.
Instant bound_until(const Right& right);

// After a start: what an earlier life left on the volume, and nothing else.
Right recalled(AgentRecord record, std::string boot_id, Duration ttl, Instant now);

}  // namespace pgbosun::instance
