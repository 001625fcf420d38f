#pragma once
// The one record of a cluster, in an engine that orders changes for all (etcd, Kubernetes), and the election of the
// controller that may act on it. The record is text that the engine does not look into.
//
// One loop; one call at a time, and changed() beside it. Each ends by itself: with `unavailable` when the engine did not
// answer in the time that the implementation was made with. An object stands for one candidate, named when it was made;
// no two are named alike. Every duration counts from when the call was made.

#include <optional>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

// Which change of the record wrote it. Only equality means something.
struct Revision {
    std::string value;
    bool operator==(const Revision&) const = default;
};

struct RecordText {
    std::string text;
    Revision revision;
    bool operator==(const RecordText&) const = default;
};

enum class RecordChange { seen, none };

class ClusterRecord {
public:
    virtual ~ClusterRecord() = default;

    // The newest. not_found: nobody has created it.
    virtual Task<Result<RecordText>> read() = 0;
    // conflict: it exists already. unavailable, here and in replace: it may have been written, now or a little later.
    virtual Task<Result<Revision>> create(std::string text) = 0;
    // conflict: the record is of another revision, or gone.
    virtual Task<Result<Revision>> replace(std::string text, Revision expected) = 0;
    // Returns when the record may have changed since this last returned `seen` (so the first call returns at once), or
    // after `wait`. An engine that can tells of the leader too. What has changed is for read() to say.
    virtual Task<Result<RecordChange>> changed(Duration wait) = 0;

    // Tries to become the leader once. Success: this candidate leads for `ttl` (whole seconds, at least 2), counted from
    // the call. conflict: another leads; the Fault names it. unavailable: it may lead without knowing; ask again.
    virtual Task<Result<>> campaign(Duration ttl) = 0;
    // For `ttl` more from this call on. conflict: it leads no longer. unavailable: it leads until what it was promised.
    virtual Task<Result<>> keep() = 0;
    // Another may lead at once. Success too when it did not lead.
    virtual Task<Result<>> resign() = 0;
    // none: nobody leads, as far as is known.
    virtual Task<Result<std::optional<std::string>>> leader() = 0;

    // For people: "etcd at http://etcd-0:2379". No secret.
    [[nodiscard]] virtual std::string describe() const = 0;
};

}  // namespace pgbosun
