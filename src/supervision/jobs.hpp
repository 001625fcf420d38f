#pragma once
// Shell: backups, removals and drills as children of PID 1, the schedule that begins them, and the look at
// the archive's catalog that status and metrics show. Control thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/instance_control.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/job_memory.hpp"
#include "supervision/job_process.hpp"
#include "supervision/job_slot.hpp"
#include "supervision/schedule.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

struct JobCalls {
    // The first moment of a schedule (cron, seconds first, UTC) after another; none: never.
    std::function<std::optional<WallTime>(const std::string& schedule, WallTime after)> next_moment;
    std::function<const InstanceStatus&()> status;
    std::function<void(std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts)>
        record;
    std::function<void()> changed;  // something that status shows
};

class Jobs {
public:
    // Who asks for what is due; shown in the journal.
    static constexpr std::string_view by_schedule = "schedule";

    Jobs(Surroundings& outside, const Settings& settings, JobCalls calls);

    // Recalls what is remembered; looks at the catalog; keeps the schedules.
    void begin();
    // It makes the archive's directory; before, the catalog is not looked at.
    void note_archiver_is_up();
    // A schedule may be another one now: from now on it is kept, and what it would have been before is not made up for.
    void note_settings_changed() { settings_changed_.announce(); }
    // pgbosun ends: what runs is told to end, and nothing new begins.
    void end();
    [[nodiscard]] bool idle() const { return !backup_.active && !removal_.active && !drill_.active; }

    Task<JobAnswer> ask(JobRequest request);

    [[nodiscard]] BackupsStatus backups() const;
    [[nodiscard]] DrillStatus drill() const;
    // None: it was not looked at yet, or is another cluster's.
    [[nodiscard]] const CatalogSummary* catalog() const { return catalog_ && !of_another() ? &*catalog_ : nullptr; }
    // One look at the catalog of the instance's own archive, outside of the rhythm: for bootstrap.recovery.
    Task<Result<CatalogSummary>> look_at_catalog();

private:
    struct Slot {
        std::optional<ActiveJob> active;
        std::unique_ptr<JobProcess> process;
        std::optional<JobOutcome> last;
        std::uint64_t ended = 0;  // how many have come to an end
    };

    Slot& slot(JobKind kind);
    std::optional<JobRefusal> refusal(JobKind kind);
    Result<> start(JobKind kind, std::vector<std::string> arguments, std::string id, std::string asked_by);
    Task<> follow(JobKind kind);
    void concluded(JobKind kind, const ActiveJob& job, const JobOutcome& outcome);
    void expire();
    // It was killed before it could record its end.
    Task<> close(std::string id, std::string error);
    void cancel(JobKind kind, const std::string& by);
    Task<JobAnswer> start_and_wait(JobKind kind, std::vector<std::string> arguments, JobRequest request);
    Task<JobAnswer> remove(JobRequest request);
    Task<JobAnswer> wait_for_end(JobKind kind, std::uint64_t ended, Duration wait, bool for_identifier);
    [[nodiscard]] std::optional<std::string> of_another() const;
    std::vector<std::string> backup_arguments(const JobRequest& request) const;

    Task<> recall();
    Task<> remember_drills();
    Task<> look_at_drill();
    void keep_memory();
    Task<> store_memory();
    Task<> watch_catalog();
    Task<> keep_schedule(JobKind kind);
    Task<> backup_moment_came(WallTime moment);
    void drill_moment_came(WallTime moment);
    Task<Result<bool>> claim(WallTime moment);
    void note_failed_backup(const std::string& error);

    Surroundings& outside_;
    const Settings& settings_;
    JobCalls calls_;
    Broadcast changed_;  // a job began, got on or ended
    bool archiver_is_up_ = false;
    Broadcast catalog_wanted_;  // look at it now
    Broadcast settings_changed_;
    Slot backup_, removal_, drill_;
    std::optional<CatalogSummary> catalog_;
    std::optional<Instant> catalog_at_;
    std::optional<std::string> catalog_error_;
    JobMemory memory_;
    bool memory_stale_ = false, storing_memory_ = false;
    std::int64_t drill_seen_ = 0;  // when the file of the last drill was written, as its inode says
    std::optional<WallTime> next_backup_, next_drill_;
    std::optional<JobResult> last_backup_;
    std::uint64_t taken_ = 0, failed_ = 0;
    bool ending_ = false;
};

}  // namespace pgbosun::supervision
