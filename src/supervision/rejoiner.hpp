#pragma once
// Brings the data directory of a stopped instance in step with the primary's, as instance/rejoin plans it, and marks it as
// a standby's. Control thread.
//
// Killed at any step, the next start begins anew: from pg_rewind, pg_basebackup or a restore on the marker of a bootstrap
// says that what is there is ours and unfinished; before that nothing has changed. The data that a clone replaces is kept
// beside it (old_data.hpp) until forget_old_data().

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "instance/clone_source.hpp"
#include "instance/events.hpp"
#include "instance/rejoin.hpp"
#include "supervision/bootstrap.hpp"
#include "supervision/inspection.hpp"
#include "supervision/job_process.hpp"
#include "supervision/left_behind.hpp"
#include "supervision/namesake.hpp"
#include "supervision/source_archive.hpp"
#include "supervision/surroundings.hpp"
#include "supervision/tool_run.hpp"

namespace pgbosun::supervision {

class Rejoiner {
public:
    using Facts = std::vector<std::pair<std::string, std::string>>;
    struct Calls {
        std::function<void(std::string_view program, std::string_view line)> line;
        // The primary is another cluster's: the archive is not of its WAL. No function: it never is.
        std::function<bool()> foreign_wal;
        // Returns when it is on disk that what the data holds does not count any more.
        std::function<Task<Result<>>()> losing_data;
        // For the journal, of WAL and the archive.
        LeftBehind::Record record;
        // One decision, for the journal.
        std::function<void(const instance::RejoinPlan& plan, const std::optional<instance::LocalData>& local,
                           const instance::Upstream& upstream)>
            planned;
        // Another agent of this name follows the primary, for the journal.
        std::function<void(std::string what)> refused;
        // Where a clone comes from, and why, for the journal.
        std::function<void(std::string what, Facts facts)> cloning;
    };
    struct Report {
        instance::BootstrapOutcome outcome{};
        bool compared = false;  // done: with the primary, which may be followed at once
        std::string reason;
        std::string hint;
        bool restored = false;  // done: from the archive, and not compared yet
    };

    Rejoiner(Surroundings& outside, Bootstrapper& bootstrapper, Calls calls);

    // `conninfo`: of the primary, or archive_source; empty: nobody is to be followed. `attempts`: what did
    // not work before; whether pg_rewind did is known here.
    Task<Report> run(const Settings& settings, const Inspection& inspection, std::string conninfo,
                     instance::Attempts attempts);
    // A run is ordered: what cancel() says from now on counts for it, also before it has begun.
    void expect_run();
    void cancel(bool kill);
    [[nodiscard]] const std::optional<ProgressStatus>& progress() const { return progress_; }

    // It streams, or is the primary: what the last clone has replaced is of no use any more, and neither is how it was made.
    Task<> forget_old_data(const Settings& settings);

private:
    Task<Result<std::optional<instance::LocalData>>> look_at_data(const Settings& settings,
                                                                  const Inspection& inspection);
    struct Look {
        instance::Upstream upstream;
        NamesakeFacts namesake;
        instance::RejoinPlan plan;
    };
    Task<Result<Look>> look(const Settings& settings, const Inspection& inspection,
                            const Result<std::optional<instance::LocalData>>& local, std::string conninfo,
                            instance::Attempts attempts);
    Task<Result<instance::SharedWal>> compare(const Settings& settings, const Inspection& inspection,
                                              const instance::LocalData& local, const instance::Upstream& upstream,
                                              PgSession& session);
    // What comes of one look at it; nothing: look again.
    Task<std::optional<Report>> without_primary(const Settings& settings, const Inspection& inspection,
                                                const Fault& why, Instant comes_up);
    Task<std::optional<Report>> with_primary(const Settings& settings, const Inspection& inspection,
                                             const std::optional<instance::LocalData>& local, const Look& looked,
                                             const std::string& conninfo, Instant gives_up);
    Task<Report> carry_out(const Settings& settings, const Inspection& inspection, const instance::RejoinPlan& plan,
                           std::string conninfo, const instance::Upstream& upstream);
    Task<Report> rewind(const Settings& settings, const Inspection& inspection, std::string conninfo);
    // For a copy: the old data is kept aside, or given up. See rejoiner_way.cpp.
    Task<Result<>> make_way(const Settings& settings, const Inspection& inspection, std::string conninfo, Left left);
    Task<Result<>> give_up_data(const Settings& settings, std::string why);
    struct Shortage {
        std::uint64_t needed = 0;
        VolumeFacts volume;
    };
    Task<std::optional<Shortage>> missing_room(const Settings& settings, std::string conninfo);
    Task<Report> copy(const Settings& settings, std::string conninfo, const instance::Upstream& upstream);
    // Of a cluster that is followed by its archive; see rejoiner_archive.cpp.
    Task<Report> run_by_archive(const Settings& settings, const Inspection& inspection, instance::Attempts attempts);
    Task<Result<instance::ArchiveUpstream>> look_at_source(const Settings& settings, const Inspection& inspection,
                                                           const std::optional<instance::LocalData>& local);
    Task<Report> copy_of_source(const Settings& settings, const instance::Upstream& upstream);
    Task<std::optional<instance::WeighedBackup>> backup_to_clone(const Settings& settings, std::string conninfo,
                                                                 const instance::Upstream& upstream);
    void tell(const std::string& what, Facts facts);
    Task<Result<CatalogSummary>> look_at_archive();
    Task<std::optional<std::uint64_t>> data_size(std::string conninfo);
    Task<Report> mark(const Settings& settings, const Inspection& inspection, bool compared);
    [[nodiscard]] bool has_foreign_wal() const { return calls_.foreign_wal && calls_.foreign_wal(); }
    Task<Result<Command>> rewind_command(const Settings& settings, const Inspection& inspection, std::string conninfo);
    void show(std::string what) { progress_ = ProgressStatus{std::move(what), 0, 0, outside_.clock.now()}; }

    Surroundings& outside_;
    Bootstrapper& bootstrapper_;
    Calls calls_;
    LeftBehind left_behind_;
    ToolRun tool_;
    std::unique_ptr<JobProcess> look_;  // at the archive's catalog
    SourceArchive source_;
    Broadcast pause_;
    Namesake namesake_;
    bool namesake_told_ = false;
    std::optional<ProgressStatus> progress_;
    bool cancelled_ = false;
    bool rewind_failed_ = false;
    std::uint64_t copies_ = 0;  // begun: what was kept for one is not removed for an earlier one
};

}  // namespace pgbosun::supervision
