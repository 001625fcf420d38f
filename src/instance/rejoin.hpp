#pragma once
// Decision: how an instance comes (back) to follow another: the plan of PROTOCOL.md's table, with the facts
// it rests on.
//
// The whole history decides, never the number of a timeline alone: two standbys that were promoted apart have
// equal numbers and other bytes, and pg_rewind takes an equal number for an equal history. So do both histories' texts when
// the two were promoted at one place: before anything is followed or rewound, bytes that both must have are compared.

#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "pgbosun/lsn.hpp"
#include "wal/history.hpp"

namespace pgbosun::instance {

// How the local data came to rest.
enum class LocalEnd {
    shut_down,              // a primary, cleanly: its WAL ends with the shutdown checkpoint
    shut_down_in_recovery,  // a standby, cleanly
    crashed_primary,        // crash recovery has to run before pg_rewind can judge it
    crashed_standby,
};

struct LocalData {
    SystemId system_id{};
    int server_major = 0;
    LocalEnd end{};
    Timeline timeline{};  // that it is on now
    Lsn wal_end;          // the end of all WAL here that it has, or may have, replayed; of the shutdown checkpoint
    // false: a standby's, at rest, is `wal_end` or further; a crashed primary's is known after crash recovery only.
    bool wal_end_known = true;
    Lsn held;  // WAL before it is in pg_wal as this data has it, where it is still there
    // A copy that has not been replayed to its end: pg_wal may lack the last of what is held.
    bool unfinished = false;
    wal::TimelineHistory history;
    bool rewindable = false;  // data checksums or wal_log_hints
    bool readable = true;     // pg_control is whole
};

// The bytes of WAL that both must have if they have one history (instance/shared_wal). gone: one of them has them no longer.
enum class SharedWal { same, differs, gone, unknown };

struct Upstream {
    SystemId system_id{};
    int server_major = 0;
    wal::TimelineHistory history;
    Position position;
    bool checkpointed = true;  // pg_control shows its newest timeline: pg_rewind reads it from there
    bool connects = true;      // false: it is known by its archive alone, and pg_rewind needs a server
    SharedWal shared = SharedWal::unknown;
};

struct Attempts {
    bool rewind_failed = false;  // for this upstream's timeline
    bool clone_asked = false;    // by a person
    bool wal_gone = false;       // WAL that following needs is neither there nor in the archive
    bool unusable = false;       // PostgreSQL does not start on it: its data and its WAL do not fit together
    // Why only a new clone can follow, found when it ran; empty: that was not found. At rest less is known, and the plan would
    // be to start it again.
    std::string_view parted = {};
};

struct Follow {
    auto operator<=>(const Follow&) const = default;
};
struct Clone {  // nothing is here
    auto operator<=>(const Clone&) const = default;
};
// The WAL that only we hold goes to the archive before pg_rewind, which runs crash recovery itself where that is due.
struct Rewind {
    Lsn fork;
    auto operator<=>(const Rewind&) const = default;
};
// Beside the old data, which is kept until the new copy runs.
struct Reclone {
    auto operator<=>(const Reclone&) const = default;
};
struct Refuse {
    auto operator<=>(const Refuse&) const = default;
};
// A fact is still missing: ask again.
enum class Missing { upstream_checkpoint, shared_wal, wal_end };
struct AwaitFact {
    Missing missing{};
    auto operator<=>(const AwaitFact&) const = default;
};

struct RejoinPlan {
    std::variant<Follow, Clone, Rewind, Reclone, Refuse, AwaitFact> what;
    std::string_view why;  // one line for journal and status
};

std::string_view name_of(const RejoinPlan& plan);
bool awaits(const RejoinPlan& plan, Missing missing);

// local none: the data directory is empty.
RejoinPlan plan_rejoin(const std::optional<LocalData>& local, const Upstream& upstream, const Attempts& attempts);

inline constexpr Lsn never{std::numeric_limits<std::uint64_t>::max()};

// Where `upstream` and `local` part; none: they share no timeline; never: they are equal. As long as one is an ancestor of
// the other it is the end of the shorter.
std::optional<Lsn> divergence(const wal::TimelineHistory& local, const wal::TimelineHistory& upstream);

}  // namespace pgbosun::instance
