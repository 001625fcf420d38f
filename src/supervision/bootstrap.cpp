#include "supervision/bootstrap.hpp"

#include <csignal>
#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/bootstrap_sql.hpp"
#include "postgres/initdb_options.hpp"
#include "postgres/tools.hpp"
#include "supervision/inspection.hpp"
#include "supervision/preparation.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration sql_timeout = 10min;  // of one statement; a user's post-init SQL may load data
constexpr Duration come_up_timeout = 2min;
constexpr Duration tool_look = 1h;  // only how often the wait is renewed: initdb and pg_basebackup have no limit
constexpr Duration look_again = 50ms;
constexpr Duration each_stop = 60s;  // of the server that has run the SQL: its checkpoint writes what that has loaded

bool looks_like_absence(std::string_view line) {
    for (const std::string_view sign : {"could not connect", "connection to server", "Connection refused",
                                        "could not translate host name", "the database system is"}) {
        if (line.find(sign) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace

Bootstrapper::Bootstrapper(Surroundings& outside, std::function<void(std::string_view, std::string_view)> line,
                           LookAtCatalog look_at_catalog)
    : outside_(outside), line_(std::move(line)), look_at_catalog_(std::move(look_at_catalog)), old_data_(outside),
      tool_(outside.loop, outside.processes) {}

void Bootstrapper::expect_run() { cancelled_ = false; }

void Bootstrapper::cancel(bool kill) {
    cancelled_ = true;
    if (restore_) restore_->signal(kill ? SIGKILL : SIGTERM);
    old_data_.cancel(kill);
    tool_.signal(kill ? SIGKILL : SIGINT);
}

Task<Bootstrapper::Report> Bootstrapper::run(Settings settings) {
    const bool initdb = !settings.bootstrap.join && !settings.bootstrap.recovery;
    if (initdb) {
        const auto unknown = postgres::check_initdb_version(settings.bootstrap.initdb, outside_.machine.server_major);
        if (unknown) co_return Report{instance::BootstrapOutcome::refused, unknown->why, unknown->hint};
    }
    const char* what = settings.bootstrap.join ? "pg_basebackup" : settings.bootstrap.recovery ? "restore" : "initdb";
    const bool restores = !settings.bootstrap.join && settings.bootstrap.recovery;
    auto result = co_await begin(settings, what, restores ? Remover::restore : Remover::bootstrapper);
    if (result && settings.bootstrap.join) {
        std::string conninfo = settings.bootstrap.join->primary_conninfo;
        result = co_await clone(settings, std::move(conninfo));
    } else if (result && settings.bootstrap.recovery) {
        result = co_await recover(settings);
    } else if (result) {
        result = co_await initialise(settings);
    }
    if (result) result = co_await finish(settings);
    progress_.reset();
    if (result) co_return Report{instance::BootstrapOutcome::done, {}, {}};
    auto outcome = instance::BootstrapOutcome::failed;
    if (settings.bootstrap.join && looks_like_absence(result.error().what))
        outcome = instance::BootstrapOutcome::primary_absent;
    if (settings.bootstrap.recovery) {
        const auto kind = result.error().kind;
        if (kind == FaultKind::conflict || kind == FaultKind::refused) outcome = instance::BootstrapOutcome::refused;
        if (kind == FaultKind::unavailable) outcome = instance::BootstrapOutcome::primary_absent;
    }
    co_return Report{outcome, result.error().what, result.error().hint};
}

Task<Bootstrapper::Report> Bootstrapper::clone_from(const Settings& settings, std::string conninfo) {
    const char* const what = "pg_basebackup";
    auto result = co_await begin(settings, what);
    if (result) result = co_await clone(settings, std::move(conninfo));
    if (result) result = co_await finish(settings);
    progress_.reset();
    if (result) co_return Report{instance::BootstrapOutcome::done, {}, {}};
    const bool absent = looks_like_absence(result.error().what);
    co_return Report{absent ? instance::BootstrapOutcome::primary_absent : instance::BootstrapOutcome::failed,
                     result.error().what, result.error().hint};
}

// Whatever is done until finish(), killed there it is begun anew: the marker says that the data directory is ours.
Task<Result<>> Bootstrapper::begin(const Settings& settings, const char* what, Remover remover) {
    if (cancelled_) co_return fail(FaultKind::cancelled, "the bootstrap was cancelled");
    last_error_line_.clear();
    progress_ = ProgressStatus{what, 0, 0, outside_.clock.now()};
    const auto marker = co_await read_bootstrap_marker(outside_.files, settings);
    if (!marker) co_return std::unexpected(marker.error());
    Result<> cleared;
    if (says_keeping(*marker)) cleared = co_await old_data_.keep(settings);
    if (!cleared) co_return cleared;
    if (remover == Remover::restore) {
        cleared = co_await prepare_wal_directory(settings);
    } else {
        cleared = co_await clear(settings);
    }
    if (!cleared) co_return cleared;
    std::string text = std::string(what) + "\n";
    co_return co_await write_bootstrap_marker(outside_.files, settings, std::move(text));
}

Task<Result<>> Bootstrapper::finish(const Settings& settings) {
    std::string path = settings.state_directory() + std::string(bootstrap_marker);
    co_return co_await outside_.files.remove_durably(std::move(path));
}

Task<Result<>> Bootstrapper::clear(const Settings& settings) {
    // Only ever called for a directory that was judged Empty or Unfinished, and a mount point cannot be removed:
    // what is below it is.
    std::string path = settings.data_directory();
    const auto itself = co_await outside_.files.inspect(std::move(path));
    if (!itself && itself.error().kind == FaultKind::not_found) co_return co_await prepare_wal_directory(settings);
    if (!itself) co_return std::unexpected(itself.error());
    auto removed = co_await old_data_.empty_tablespaces(settings);
    if (!removed) co_return removed;
    path = settings.data_directory();
    removed = co_await outside_.files.remove_tree(std::move(path));
    if (!removed) co_return removed;
    co_return co_await prepare_wal_directory(settings);
}

Task<Result<>> Bootstrapper::prepare_wal_directory(const Settings& settings) {
    const auto wal = postgres::wal_directory(settings);
    if (!wal) co_return Result<>();
    std::string path = *wal;
    const auto present = co_await outside_.files.list(std::move(path), 10);
    if (!present && present.error().kind == FaultKind::not_found) co_return Result<>();
    const bool holds_many = !present && present.error().kind == FaultKind::refused;
    if (!present && !holds_many) co_return std::unexpected(present.error());
    if (!holds_many && present->empty()) co_return Result<>();
    // Our marker is written after this check the first time, so what is here without it is not ours.
    std::string marker = settings.state_directory() + std::string(bootstrap_marker);
    const auto ours = co_await outside_.files.inspect(std::move(marker));
    if (!ours && ours.error().kind != FaultKind::not_found) co_return std::unexpected(ours.error());
    if (!ours) {
        co_return fail(FaultKind::refused, "the WAL directory " + *wal + " is not empty, but the data directory is",
                       "empty it if its WAL is not needed, or mount the volumes that belong together");
    }
    path = *wal;
    co_return co_await outside_.files.remove_tree(std::move(path));
}

Task<Result<>> Bootstrapper::run_tool(Command command, std::string name) {
    command.on_line = [this, name](std::string_view line) {
        if (const auto progress = postgres::parse_base_backup_progress(line); progress && progress_) {
            progress_->done_bytes = progress->done_bytes;
            progress_->total_bytes = progress->total_bytes;
            return;
        }
        if (line.find("error") != std::string_view::npos || line.find("FATAL") != std::string_view::npos) {
            last_error_line_ = line;
        }
        line_(name, line);
    };
    if (cancelled_) co_return fail(FaultKind::cancelled, name + " was not started: pgbosun is ending or fenced");
    const auto started = tool_.start(std::move(command));
    if (!started) co_return std::unexpected(started.error());
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await tool_.wait(tool_look);
    if (ended->success()) co_return Result<>();
    std::string what = name + " ended with " + to_string(*ended);
    if (!last_error_line_.empty()) what += ": " + last_error_line_;
    co_return fail(FaultKind::refused, std::move(what), "its output is in the log");
}

Task<Result<std::optional<std::string>>> Bootstrapper::nss_files(const Settings& settings) {
    if (outside_.machine.account) co_return std::optional<std::string>();
    const auto texts = postgres::account_files(outside_.machine.uid, outside_.machine.gid);
    const std::string base = settings.state_directory() + "/account";
    std::string path = base + ".passwd";
    std::string text = texts.passwd;
    auto written = co_await outside_.files.write_durably(std::move(path), std::move(text));
    if (!written) co_return std::unexpected(written.error());
    path = base + ".group";
    text = texts.group;
    written = co_await outside_.files.write_durably(std::move(path), std::move(text));
    if (!written) co_return std::unexpected(written.error());
    co_return base;
}

Task<Result<>> Bootstrapper::initialise(const Settings& settings) {
    const auto account = co_await nss_files(settings);
    if (!account) co_return std::unexpected(account.error());
    postgres::InitdbLaunch launch;
    launch.server_major = outside_.machine.server_major;
    if (*account) launch.nss_wrapper = postgres::NssWrapper{**account + ".passwd", **account + ".group"};
    Command command = postgres::initdb_command(settings, launch);
    std::string name = "initdb";
    auto done = co_await run_tool(std::move(command), std::move(name));
    if (!done) co_return done;
    progress_->what = "SQL after initdb";
    co_return co_await run_sql(settings);
}

Task<Result<>> Bootstrapper::run_sql(const Settings& settings) {
    postgres::ConfigurationFacts facts;
    facts.server_major = outside_.machine.server_major;
    facts.wal_program = outside_.machine.wal_program;
    facts.account = outside_.machine.account;
    auto done = co_await write_configuration(outside_, settings, facts);
    if (done) done = co_await remove_left_socket(outside_, settings);
    if (!done) co_return done;

    postgres::PostgresLaunch launch;
    launch.reach = postgres::Reach::local_only;
    launch.own_oom_score = outside_.machine.oom_score;
    Command command = postgres::postgres_command(settings, launch);
    // What is written now reaches the archive later, when it is known whose it is.
    command.arguments.insert(command.arguments.end(), {"-c", "archive_mode=off"});
    command.on_line = [this](std::string_view line) { line_("postgres", line); };
    if (cancelled_) co_return fail(FaultKind::cancelled, "the bootstrap was cancelled");
    outside_.guard.expect();
    const auto postmaster = tool_.start(std::move(command));
    if (!postmaster) {
        outside_.guard.unwatch();
        co_return std::unexpected(postmaster.error());
    }
    auto guarded = outside_.guard.watch(*postmaster);
    if (!guarded) {
        tool_.signal(SIGQUIT);
        done = guarded;
    } else {
        done = co_await run_steps(settings);
    }
    outside_.session.close();
    const auto ended = co_await stop_server();
    outside_.guard.unwatch();
    if (done && !ended.success()) {
        co_return fail(FaultKind::refused, "postgres ended with " + to_string(ended) + " during the bootstrap",
                       "its log says why; the bootstrap begins anew by itself");
    }
    co_return done;
}

// Fast, then immediate, then by SIGKILL: what it has written so far is made anew if it does not end well.
Task<ExitStatus> Bootstrapper::stop_server() {
    for (const int number : {SIGINT, SIGQUIT}) {
        tool_.signal(number);
        if (const auto ended = co_await tool_.wait(each_stop)) co_return *ended;
    }
    tool_.signal(SIGKILL);
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await tool_.wait(tool_look);
    co_return *ended;
}

Task<Result<>> Bootstrapper::run_step(PgSession& session, const postgres::BootstrapStep& step) {
    std::string sql = step.sql;
    Result<> done;
    if (step.is_script) {
        done = co_await session.script(std::move(sql), sql_timeout);
    } else if (const auto answer = co_await session.query(std::move(sql), {}, sql_timeout); !answer) {
        done = std::unexpected(answer.error());
    }
    if (done) co_return done;
    Fault fault = Fault(done.error()).in(step.what);
    if (fault.hint.empty()) fault.hint = step.hint;
    co_return std::unexpected(std::move(fault));
}

Task<Result<>> Bootstrapper::run_steps(const Settings& settings) {
    postgres::BootstrapSecrets secrets;
    if (const auto& file = settings.bootstrap.initdb.password_file) {
        std::string path = *file;
        const auto password = co_await read_secret(outside_, std::move(path));
        if (!password) co_return std::unexpected(password.error());
        auto verifier = postgres::scram_verifier(settings.bootstrap.initdb.owner, *password);
        if (!verifier) co_return std::unexpected(std::move(verifier.error()));
        secrets.owner_verifier = std::move(*verifier);
    }
    if (const auto& file = settings.postgresql.replication.password_file) {
        std::string path = *file;
        const auto password = co_await read_secret(outside_, std::move(path));
        if (!password) co_return std::unexpected(password.error());
        auto verifier = postgres::scram_verifier(settings.postgresql.replication.user, *password);
        if (!verifier) co_return std::unexpected(std::move(verifier.error()));
        secrets.replication_verifier = std::move(*verifier);
    }

    const Instant give_up = outside_.clock.now() + come_up_timeout;
    for (;;) {
        std::string probe = "select 1";
        const auto answer = co_await outside_.session.query(std::move(probe), {}, 5s);
        if (answer) break;
        if (!tool_.running())
            co_return fail(FaultKind::refused, "postgres ended during the bootstrap", "its log says why");
        if (outside_.clock.now() > give_up) co_return std::unexpected(Fault(answer.error()).in("waiting for postgres"));
        co_await tool_.wait(look_again);
    }

    std::unique_ptr<PgSession> session;
    std::string connected;
    for (const auto& step : postgres::bootstrap_steps(settings, secrets)) {
        if (step.database != connected) {
            session = outside_.open_session(step.database, std::string(postgres::superuser));
            connected = step.database;
        }
        if (cancelled_) co_return fail(FaultKind::cancelled, "the bootstrap was cancelled");
        if (!step.unless.empty()) {
            std::string sql = step.unless;
            const auto there = co_await session->query(std::move(sql), {}, sql_timeout);
            if (!there) co_return std::unexpected(Fault(there.error()).in(step.what));
            if (!there->rows.empty()) continue;
        }
        log::info("bootstrap: " + step.what);
        auto done = co_await run_step(*session, step);
        if (!done) co_return done;
    }
    co_return Result<>();
}

Task<Result<>> Bootstrapper::clone(const Settings& settings, std::string conninfo) {
    const auto upstream = following(settings, conninfo);
    if (!upstream) co_return std::unexpected(upstream.error());
    auto passfile = co_await write_passfile(outside_, settings);
    if (!passfile) co_return std::unexpected(std::move(passfile.error()));
    const auto account = co_await nss_files(settings);
    if (!account) co_return std::unexpected(account.error());

    postgres::BaseBackupLaunch launch;
    launch.conninfo = upstream->primary_conninfo;
    launch.passfile = std::move(*passfile);
    if (settings.bootstrap.join) launch.max_rate = settings.bootstrap.join->max_rate;
    if (*account) launch.nss_wrapper = postgres::NssWrapper{**account + ".passwd", **account + ".group"};
    Command command = postgres::base_backup_command(settings, launch);
    std::string name = "pg_basebackup";
    auto done = co_await run_tool(std::move(command), std::move(name));
    if (!done && last_error_line_.find("No space left on device") != std::string::npos) {
        done.error().hint =
            "make room or enlarge the volume; pgdata.old beside the data directory, if there is one, is what the clone "
            "replaces; it is tried again";
        co_return done;
    }
    if (!done) {
        done.error().hint =
            "check bootstrap.join.primary_conninfo (managed: the conninfo that the controller has of the primary), the "
            "primary's "
            "pg_hba and the replication user's password; it is tried again";
        co_return done;
    }
    // Before the marker goes: without this file the clone would start as a second primary.
    std::string path = settings.data_directory() + "/standby.signal";
    co_return co_await outside_.files.write_durably(std::move(path), std::string());
}

}  // namespace pgbosun::supervision
