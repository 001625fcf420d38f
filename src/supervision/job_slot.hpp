#pragma once
// Decision: may a job begin, how far is it, what has become of it. A job is a child of PID 1 that backs up,
// removes a backup or rehearses a recovery (docs/decisions/0006); of each kind there is one at a time.

#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/instance_status.hpp"
#include "pgbosun/job_link.hpp"
#include "pgbosun/process_host.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

enum class JobKind { backup, removal, drill };
std::string_view to_string(JobKind kind);  // "backup", "removal of backups", "drill"

struct ActiveJob {
    JobKind kind{};
    std::string asked_by;
    RunningJob shown;
    std::optional<JobResult> result;
    std::optional<Instant> kill_at;  // it was told to end
};

// From SIGTERM to SIGKILL: it has an upload to abort and a record to write.
inline constexpr Duration job_cancel_timeout = std::chrono::seconds(20);

struct JobFacts {
    bool archive = false;  // there is one
    bool ending = false;   // pgbosun
    Phase phase{};
    Role role{};
    const ActiveJob* running = nullptr;  // of the same kind
};

struct JobRefusal {
    std::string reason;
    std::string hint;
};
// None: it may begin.
std::optional<JobRefusal> refuse_job(JobKind kind, const JobFacts& facts);

// What a line of the job's changes.
void take_line(ActiveJob& job, const JobLine& line);

enum class JobEnd {
    done,
    failed,
    cancelled,
    refused
};  // refused: a removal of what is to stay, a drill that could not begin
struct JobOutcome {
    JobEnd end{};
    JobResult result;  // `detail` and `hint` are there also when the job could not say them itself
};
JobOutcome conclude(const ActiveJob& job, ExitStatus status);

}  // namespace pgbosun::supervision
