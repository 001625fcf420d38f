#pragma once
// What the HTTP API may ask of the instance. The caller has authenticated already.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/assignment.hpp"
#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/metric.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun {

// reclone: a standby of a cluster throws its data away and is cloned anew.
enum class Verb { fence, unfence, restart, reload, checkpoint, promote, demote, reclone };
std::string_view to_string(Verb verb);

struct ControlRequest {
    Verb verb{};
    std::string reason;  // given by the asker; shown in status and journal
    // promote: although it may lose data; nothing here refuses one for that. demote: although its upstream does not answer.
    bool force = false;
    std::string upstream;  // demote: conninfo to follow; empty: the configured one
    std::string asked_by;  // "uid 1000 through the socket", "token from 10.0.0.7"
    Duration wait{};       // how long to wait for the end of it
};

enum class Answer {
    done,       // it is so now (or was so already)
    under_way,  // accepted, not over within `wait`
    refused,    // makes no sense now; nothing has changed
    failed,     // it was tried
};

struct ControlAnswer {
    Answer answer{};
    std::string detail;  // refused, failed: why
    std::string hint;
    // refused: what this field of the request holds is wrong at any time; empty: it makes no sense now.
    std::string field = {};
};

// A backup or drill to be started, or a backup to be cancelled or removed.
enum class JobVerb { start_backup, remove_backup, start_drill };

struct JobRequest {
    JobVerb verb{};
    std::string id;                   // remove_backup
    bool only_running = false;        // remove_backup: one that has ended meanwhile stays
    std::string name;                 // start_backup: empty: none
    std::optional<bool> incremental;  // start_backup; none: as configured
    std::string target_time;          // start_drill; empty: the newest moment
    std::vector<std::string> checks;  // start_drill: SQL beside the configured ones
    std::string asked_by;
    Duration wait{};  // how long to wait for the end of it
};

struct JobAnswer {
    Answer answer{};
    std::string id;      // of the backup; empty: not known yet
    std::string detail;  // for a person
    std::string hint;
    bool unknown = false;  // refused: there is no such backup
};

// What is asked about the right to write; see assignment.hpp.
enum class RightVerb { assign, promise };

struct RightAnswer {
    Answer answer{};     // never under_way
    std::string detail;  // refused, failed: why
    std::string hint;
    std::optional<Duration> again_in;  // refused: from when on the same would be accepted, where that is known
    PromiseAnswer promise;             // of a promise that was given
};

class InstanceControl {
public:
    virtual ~InstanceControl() = default;

    // Cheap; `now` in it is the moment of the call. The reference holds until the next suspension point.
    virtual const InstanceStatus& status() = 0;
    // Changes whenever anything in the status but `now` does: lets a server keep the rendered text.
    [[nodiscard]] virtual std::uint64_t status_revision() const = 0;
    virtual Task<ControlAnswer> command(ControlRequest request) = 0;
    // refused also when the instance is its own authority. done: it is on disk, and so is what it means for the right to
    // write; that postgres has followed is for the status to say.
    virtual Task<RightAnswer> assign(Assignment assignment) = 0;
    virtual Task<RightAnswer> promise(PromiseRequest request) = 0;
    // One backup and one drill at a time: another one is refused, and says which runs since when.
    virtual Task<JobAnswer> job(JobRequest request) = 0;
    // The last look at the archive's catalog; none: there was none yet. Holds until the next suspension point.
    virtual const CatalogSummary* catalog() = 0;
    // From memory; starts a refresh in the background when what it has is older than the cache time.
    virtual std::vector<MetricFamily> metrics() = 0;
};

}  // namespace pgbosun
