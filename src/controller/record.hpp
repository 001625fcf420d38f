#pragma once
// Fact: what a cluster's record holds. It lives in an engine that gives compare-and-swap (etcd, Kubernetes);
// every change is one, and whoever did not read the newest one changes nothing.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/assignment.hpp"

namespace pgbosun::controller {

// More steps than this are not taken before the primary has taken one over.
inline constexpr std::size_t most_superseded = 4;

// Why the recorded primary may be promoted although another may have written before it.
enum class Chosen {
    from_list,    // it was on the promotable list and on the one that the primary had taken over
    all_stopped,  // it was not, so every former instance must have acknowledged its stop under this term
};

// Whether the recorded primary must hold what was acknowledged. Only an operator waives it.
enum class DataLoss { refused, accepted };

struct Record {
    std::string cluster;
    Term term = 0;        // 0: there is no record yet
    std::string primary;  // source_name: the cluster follows another one, and nobody in it has the right to write
    std::string source;   // the conninfo of that one, or archive_source
    Chosen chosen = Chosen::from_list;
    DataLoss data_loss = DataLoss::refused;
    std::string handed_by;            // the former primary of a switchover that nobody forced, until the new one serves
    std::vector<std::string> former;  // who may still have a right from an older term, or have written under one
    std::map<std::string, Term>
        former_terms;               // of these: the last term as whose primary it was recorded; none: not known
    std::vector<std::string> lost;  // of `former` an operator has said that they are stopped for good
    PromotableList promotable;
    PromotableList acknowledged;  // the list that the primary is known to have taken over
    SynchronousRule synchronous;
    // Rules before it under which a commit may have been acknowledged that is not known to be covered by it
    // yet.
    std::vector<SynchronousRule> superseded;
    std::optional<SystemId> system_id;
    bool paused = false;  // no failover by itself
    // No lease is granted for longer than `lease_ttl`, and none that may be outstanding is longer than `longest_lease`:
    // controllers may have different ones. 0: an earlier version wrote it, and nobody knows.
    Duration lease_ttl{};
    Duration longest_lease{};
    bool operator==(const Record&) const = default;
};

// The next term, with `to` as primary. The list can only shrink here: the former primary may hold the
// promises of either list, so only who is on both is bound to it.
Record change_primary(const Record& record, const std::string& to, Chosen chosen, DataLoss data_loss);

// The same by a switchover: `to` must have all that the former primary has written, and that one is on the list again, as its
// place may have to be given back to it. It has served under this term, so it is bound to nobody before.
Record hand_over(const Record& record, const std::string& to);

// The cluster follows another one, whose primary `source` leads to, or whose archive it is followed by.
Record follow_source(const Record& record, std::string source);

bool contains(const std::vector<std::string>& names, const std::string& name);
// On both lists.
bool is_listed(const Record& record, const std::string& name);
// Who may have acknowledged a commit that is not known to be covered by `synchronous` under the recorded
// primary.
std::vector<std::string> writers(const Record& record);

}  // namespace pgbosun::controller
