#pragma once
// Makes a data directory on an empty volume: initdb and the SQL after it, a clone of a primary by pg_basebackup or
// from its archive, or a backup restored, as a primary or as a standby of the cluster whose archive it came from.
//
// A marker is written before the first file and removed after the last step. Killed in between, the next life finds
// the marker, removes what was made and begins anew: a half-made directory is never started as if it were whole.

#include <functional>
#include <memory>
#include <string>

#include "instance/events.hpp"
#include "pgbosun/instance_status.hpp"
#include "postgres/bootstrap_sql.hpp"
#include "supervision/job_process.hpp"
#include "supervision/old_data.hpp"
#include "supervision/own_archive.hpp"
#include "supervision/surroundings.hpp"
#include "supervision/tool_run.hpp"
#include "wal/history.hpp"

namespace pgbosun::supervision {

class Bootstrapper {
public:
    struct Report {
        instance::BootstrapOutcome outcome{};
        std::string reason;
        std::string hint;
    };

    // `line` gets each line that a tool prints.
    Bootstrapper(Surroundings& outside, std::function<void(std::string_view program, std::string_view line)> line,
                 LookAtCatalog look_at_catalog);

    // No process of it is left when it returns. A reload meanwhile is for the next one.
    Task<Report> run(Settings settings);
    // A clone of the primary at `conninfo`, whatever the settings say of a bootstrap.
    Task<Report> clone_from(const Settings& settings, std::string conninfo);
    // A standby of the backup with this identifier in the instance's own archive; it needs WAL from there. `history`: of
    // the backup's timeline. done: the memory of clones (clone_memory.hpp) says so.
    Task<Report> clone_backup(const Settings& settings, std::string backup, wal::TimelineHistory history);
    // A standby of bootstrap.recovery.source, of the backup that bootstrap.recovery names; it needs WAL from there. `history`:
    // that of the archive's newest timeline.
    Task<Report> clone_source(const Settings& settings, wal::TimelineHistory history);
    // One of the above is ordered: what cancel() says from now on counts for it, also before it has begun.
    void expect_run();
    void cancel(bool kill);

    [[nodiscard]] const std::optional<ProgressStatus>& progress() const { return progress_; }
    // Whose steps cancel() ends too.
    [[nodiscard]] OldData& old_data() { return old_data_; }

private:
    // Who removes what is left of a data directory that was not finished: a restore knows where its tablespaces are.
    enum class Remover { bootstrapper, restore };

    Task<Result<>> clear(const Settings& settings);
    Task<Result<>> initialise(const Settings& settings);
    Task<Result<>> run_sql(const Settings& settings);
    Task<Result<>> run_steps(const Settings& settings);
    Task<Result<>> run_step(PgSession& session, const postgres::BootstrapStep& step);
    Task<ExitStatus> stop_server();
    Task<Result<>> begin(const Settings& settings, const char* what, Remover remover = Remover::bootstrapper);
    Task<Result<>> finish(const Settings& settings);
    Task<Result<>> clone(const Settings& settings, std::string conninfo);
    Task<Result<>> recover(const Settings& settings);
    Task<Result<>> restore_standby(const Settings& settings, std::string backup, wal::TimelineHistory history);
    Task<Result<>> restore_source(const Settings& settings, wal::TimelineHistory history);
    Task<Result<>> run_restore(std::vector<std::string> arguments);
    Task<Result<>> write_history(const Settings& settings, wal::TimelineHistory history);
    Task<Result<>> run_tool(Command command, std::string name);
    Task<Result<>> prepare_wal_directory(const Settings& settings);
    Task<Result<std::optional<std::string>>> nss_files(const Settings& settings);

    Surroundings& outside_;
    std::function<void(std::string_view, std::string_view)> line_;
    LookAtCatalog look_at_catalog_;
    OldData old_data_;
    ToolRun tool_;
    std::unique_ptr<JobProcess> restore_;
    std::optional<ProgressStatus> progress_;
    std::string last_error_line_;
    bool cancelled_ = false;
};

}  // namespace pgbosun::supervision
