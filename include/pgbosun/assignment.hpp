#pragma once
// What controller, agent and the other agents say to one another about who may write. Plain values; what they
// mean is decided in src/instance (right) and src/controller (choose). All durations are of a lease and count
// on one clock.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/lsn.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

// Grows by one with every change of primary of the cluster. 0: no controller has spoken yet.
using Term = std::uint64_t;

// How far an instance's data reaches. `term`: of the last primary that it was, or streamed from. Two standbys that were
// promoted apart may be on timelines of the same number; no two primaries are of the same term.
struct Reach {
    Term term = 0;
    Timeline timeline{};
    Lsn lsn;
    auto operator<=>(const Reach&) const = default;
};

// A reading of one agent's own clock in one life of it, given out and handed back: only that agent compares
// it.
struct Echo {
    std::string boot_id;
    Instant at{};
    bool operator==(const Echo&) const = default;
};

// The holder is valid until echo.at + ttl, however long this was under way.
struct Lease {
    Echo echo;
    Duration ttl{};
    bool operator==(const Lease&) const = default;
};

// Who may be promoted instead of the primary, without the primary. `version` grows with every list of the
// cluster.
struct PromotableList {
    std::uint64_t version = 0;
    std::vector<std::string> names;
    bool operator==(const PromotableList&) const = default;
};

// A commit counts once `number` of `names` without the primary itself have it on disk. number 0:
// asynchronous.
struct SynchronousRule {
    std::uint64_t version = 0;
    SyncMethod method = SyncMethod::any;
    int number = 0;
    std::vector<std::string> names;
    bool operator==(const SynchronousRule&) const = default;
};

struct Peer {
    std::string name;
    std::string url;       // of its agent
    std::string conninfo;  // of its postgres
    bool operator==(const Peer&) const = default;
};

// Stands for the primary where the whole cluster follows another one (a standby cluster): a peer of this name has that
// cluster's conninfo, and no agent. No instance may be called so.
inline constexpr std::string_view source_name = "@source";
// In the place of that cluster's conninfo: it is followed by its archive alone, which bootstrap.recovery.source of each
// instance names. No conninfo reads so.
inline constexpr std::string_view archive_source = "@archive";

// Whether every instance that may have a right of an older term has acknowledged, under this term, that it
// stopped.
enum class FormerPrimary { perhaps_alive, stopped };

struct Assignment {
    std::string cluster;
    std::string instance;  // for whom: an address may lead to somebody else
    Term term = 0;
    std::string primary;
    std::string upstream;  // the peer to stream from, if that is another standby; empty: the primary
    PromotableList promotable;
    SynchronousRule synchronous;
    std::vector<Peer> peers;
    std::optional<Lease> lease;  // to the primary only
    FormerPrimary former = FormerPrimary::perhaps_alive;
    Reach at_least;  // a promotion: what the controller believes the instance to hold
};

// What an agent must not forget, not even by a power cut.
struct AgentRecord {
    std::string cluster;
    std::string instance;
    Term term = 0;                // the highest that it has seen
    std::string primary;          // of that term; empty: nobody has said
    std::string upstream;         // of that term: Assignment::upstream
    Term accepted = 0;            // the last term as whose primary it accepted; equal to `term`: it is the primary
    Term data_term = 0;           // Reach::term of the data
    Term first_term = 0;          // the first data_term of this volume, which remembers nothing of that one and before
    PromotableList promotable;    // taken over as primary
    SynchronousRule synchronous;  // to be used as primary
    std::vector<Peer> peers;
    Duration longest_promise{};         // ever given: a restarted agent may be bound for so long
    std::optional<SystemId> system_id;  // of the data that it has had; none: none yet
    bool operator==(const AgentRecord&) const = default;
};

// From a primary to a promotable member: do not accept promotion over `term` for `ttl`.
struct PromiseRequest {
    std::string cluster;
    std::string from;
    Term term = 0;
    Lease lease;  // the echo is the asker's
};

struct PromiseAnswer {
    std::string from;  // who has promised
    Term term = 0;     // the highest it has seen
    bool promised = false;
    Lease lease;  // the asker's echo, and for how long it is promised
};

}  // namespace pgbosun
