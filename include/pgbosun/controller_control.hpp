#pragma once
// What the HTTP API of a controller may show and ask for. Control thread; the caller has authenticated already.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/assignment.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/instance_status.hpp"

namespace pgbosun {

struct SeenInstance {
    std::string name;
    std::string url;
    bool answers = false;
    std::string trouble;                   // why it is not counted on; empty: it is
    std::optional<InstanceStatus> status;  // the last that it gave
    std::optional<Instant> heard_at;
};

struct ControllerStatus {
    std::string cluster;
    std::string candidate;  // this controller
    std::string leader;     // empty: not known
    std::string leader_url;
    bool leads = false;
    std::string record_at;  // "etcd at http://etcd-0:2379"
    bool record_answers = false;
    std::string record_trouble;  // what keeps it from being used; empty: nothing
    // As this controller knows the record; term 0: it does not, or there is none yet.
    Term term = 0;
    std::string primary;
    // Of the cluster that this one follows: a conninfo, or archive_source; empty: it has a primary of its own.
    std::string source;
    bool serving = false;  // the recorded primary takes writes
    bool paused = false;
    std::vector<std::string> promotable;
    SynchronousRule synchronous;
    // Who could take over if the primary were lost now, and why nobody could; only who leads knows.
    std::vector<std::string> candidates;
    std::string no_candidate;
    std::string waits_for;  // why nothing is done about a primary that does not serve; empty: nothing is to be done
    std::string wanted;     // the primary that an operator asked for, until it is so
    std::vector<SeenInstance> instances;
    std::uint64_t changes = 0;  // of the primary, by this controller
    Instant now{};
};

// demote_cluster: the whole cluster follows another one; promote_cluster: it has a primary of its own again.
enum class ControllerVerb { switchover, failover, pause, resume, demote_cluster, promote_cluster };

struct ControllerRequest {
    ControllerVerb verb{};
    std::string to;        // empty: the best; never with failover
    std::string asked_by;  // for the log
    // demote_cluster: a conninfo without password, which leads to the other cluster's primary, or archive_source.
    std::string source{};
    std::string lost{};  // failover: who is stopped for good, as the operator vouches: "pg-1,pg-2"; empty: nobody
};

class ControllerControl {
public:
    virtual ~ControllerControl() = default;

    virtual ControllerStatus status() = 0;
    // Starts it and returns: what becomes of it is in the status. To be asked of the leader only.
    virtual ControlAnswer command(ControllerRequest request) = 0;
};

}  // namespace pgbosun
