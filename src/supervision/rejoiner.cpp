#include "supervision/rejoiner.hpp"

#include <csignal>
#include <limits>
#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/tools.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/left_slots.hpp"
#include "supervision/local_data.hpp"
#include "supervision/preparation.hpp"
#include "supervision/upstream.hpp"
#include "supervision/wal_comparison.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

// A primary is promoted within this, usually. Without its answer the instance comes up for reads, and follows later.
constexpr Duration primary_patience = 5s;
constexpr Duration checkpoint_patience = 5min;  // of the upstream's first checkpoint
constexpr Duration look_again = 100ms;
constexpr Duration tool_look = 1h;

// From here on nobody archives what waits in this data: a standby does not, and the other two replace it.
bool ends_its_archiving(const instance::RejoinPlan& plan) {
    return std::holds_alternative<instance::Follow>(plan.what) || std::holds_alternative<instance::Rewind>(plan.what) ||
           std::holds_alternative<instance::Reclone>(plan.what);
}

// It is to stream, or to be copied from, now.
bool follows_now(const instance::RejoinPlan& plan) {
    return ends_its_archiving(plan) || std::holds_alternative<instance::Clone>(plan.what);
}

// What is short of a recovery's target is no standby's data: up without a primary, it could be promoted as it is.
bool can_be_standby(const Inspection& inspection) { return inspection.usable && !inspection.recovering; }

Rejoiner::Report failed(Fault fault) {
    return {instance::BootstrapOutcome::failed, false, std::move(fault.what), std::move(fault.hint)};
}

Rejoiner::Report cancelled() { return {instance::BootstrapOutcome::failed, false, "the rejoin was cancelled", ""}; }

}  // namespace

Rejoiner::Rejoiner(Surroundings& outside, Bootstrapper& bootstrapper, Calls calls)
    : outside_(outside), bootstrapper_(bootstrapper), calls_(std::move(calls)),
      left_behind_(outside, calls_.record, {}), tool_(outside.loop, outside.processes),
      source_(outside, "compare-at-rest"), pause_(outside.loop) {}

void Rejoiner::expect_run() {
    cancelled_ = false;
    bootstrapper_.expect_run();
}

void Rejoiner::cancel(bool kill) {
    cancelled_ = true;
    bootstrapper_.cancel(kill);
    left_behind_.cancel(kill);
    tool_.signal(kill ? SIGKILL : SIGTERM);
    if (look_) look_->signal(SIGKILL);
    source_.cancel();
    pause_.announce();
}

Task<Rejoiner::Report> Rejoiner::run(const Settings& settings, const Inspection& inspection, std::string conninfo,
                                     instance::Attempts attempts) {
    if (cancelled_) co_return cancelled();
    const bool has_data = can_be_standby(inspection);
    if (conninfo.empty()) {
        if (has_data) co_return co_await mark(settings, inspection, false);
        co_return Report{instance::BootstrapOutcome::primary_absent, false,
                         "there is no data here, and no primary to clone", ""};
    }
    if (conninfo == archive_source) {
        Report report = co_await run_by_archive(settings, inspection, attempts);
        progress_.reset();
        co_return report;
    }
    show("asking the primary");
    const Instant begun = outside_.clock.now();
    const Instant comes_up = begun + (has_data ? primary_patience : Duration::zero());
    const Instant gives_up = begun + checkpoint_patience;
    const auto local = co_await look_at_data(settings, inspection);
    std::optional<Report> report;
    for (;;) {
        attempts.rewind_failed = rewind_failed_;
        std::string whom = conninfo;
        const auto looked = co_await look(settings, inspection, local, std::move(whom), attempts);
        if (cancelled_) {
            report = cancelled();
        } else if (!looked) {
            report = co_await without_primary(settings, inspection, looked.error(), comes_up);
        } else if (!local) {
            report = failed(local.error());
        } else {
            report = co_await with_primary(settings, inspection, *local, *looked, conninfo, gives_up);
        }
        if (report) break;
        co_await pause_.wait(look_again);
    }
    progress_.reset();
    if (report->outcome == instance::BootstrapOutcome::done) rewind_failed_ = false;
    co_return std::move(*report);
}

Task<std::optional<Rejoiner::Report>> Rejoiner::without_primary(const Settings& settings, const Inspection& inspection,
                                                                const Fault& why, Instant comes_up) {
    if (outside_.clock.now() < comes_up) co_return std::nullopt;
    if (!can_be_standby(inspection))
        co_return Report{instance::BootstrapOutcome::primary_absent, false, why.what, why.hint};
    log::warning("the primary does not answer; the data comes up for reading, and follows when it does",
                 {{"reason", why.what}});
    co_return co_await mark(settings, inspection, false);
}

Task<std::optional<Rejoiner::Report>> Rejoiner::with_primary(const Settings& settings, const Inspection& inspection,
                                                             const std::optional<instance::LocalData>& local,
                                                             const Look& looked, const std::string& conninfo,
                                                             Instant gives_up) {
    const auto& plan = looked.plan;
    if (instance::awaits(plan, instance::Missing::upstream_checkpoint) && outside_.clock.now() < gives_up) {
        show("waiting for the primary's checkpoint");
        co_return std::nullopt;
    }
    const auto namesake =
        follows_now(plan) ? namesake_.look(looked.namesake, outside_.clock.now()) : Namesake::Verdict::none;
    if (namesake == Namesake::Verdict::perhaps) {
        show("waiting for the end of another stream of its name");
        co_return std::nullopt;
    }
    if (namesake == Namesake::Verdict::stays) {
        if (!std::exchange(namesake_told_, true)) calls_.refused("rejoin: refuse, for " + std::string(namesake_reason));
        co_return Report{instance::BootstrapOutcome::primary_absent, false, std::string(namesake_reason),
                         std::string(namesake_hint)};
    }
    namesake_told_ = false;
    calls_.planned(plan, local, looked.upstream);
    auto report = co_await carry_out(settings, inspection, plan, conninfo, looked.upstream);
    const bool clones_next = report.outcome == instance::BootstrapOutcome::failed && rewind_failed_ && !cancelled_ &&
                             std::holds_alternative<instance::Rewind>(plan.what);
    if (clones_next) co_return std::nullopt;
    co_return report;
}

// Without `local` only the primary's part of it.
Task<Result<Rejoiner::Look>> Rejoiner::look(const Settings& settings, const Inspection& inspection,
                                            const Result<std::optional<instance::LocalData>>& local,
                                            std::string conninfo, instance::Attempts attempts) {
    const auto session = co_await outside_.open_upstream(std::move(conninfo));
    if (!session) co_return std::unexpected(session.error());
    auto upstream = co_await ask_upstream(**session);
    if (!upstream) co_return std::unexpected(std::move(upstream.error()));
    std::string name = settings.instance;
    const auto namesake = co_await ask_namesake(**session, std::move(name));
    if (!namesake) co_return std::unexpected(namesake.error());
    Look seen{std::move(*upstream), *namesake, {}};
    if (!local) co_return seen;
    seen.plan = instance::plan_rejoin(*local, seen.upstream, attempts);
    if (instance::awaits(seen.plan, instance::Missing::shared_wal)) {
        const auto shared = co_await compare(settings, inspection, **local, seen.upstream, **session);
        if (!shared) co_return std::unexpected(shared.error());
        seen.upstream.shared = *shared;
        seen.plan = instance::plan_rejoin(*local, seen.upstream, attempts);
    }
    co_return seen;
}

Task<Result<instance::SharedWal>> Rejoiner::compare(const Settings& settings, const Inspection& inspection,
                                                    const instance::LocalData& local,
                                                    const instance::Upstream& upstream, PgSession& session) {
    const auto size = wal::SegmentSize::from_bytes(inspection.usable->control.wal_segment_size);
    if (!size) co_return instance::SharedWal::gone;  // pg_control with such a size is not taken for usable
    auto pieces = instance::pieces_to_compare(local, upstream.history, *size);
    auto ours = wal_of_directory(outside_.files, settings.data_directory() + "/pg_wal", *size);
    auto theirs = wal_of_server(session, *size);
    co_return co_await compare_wal(std::move(pieces), std::move(ours), std::move(theirs));
}

Task<Result<std::optional<instance::LocalData>>> Rejoiner::look_at_data(const Settings& settings,
                                                                        const Inspection& inspection) {
    if (!inspection.usable) co_return std::optional<instance::LocalData>();
    const Timeline timeline = timeline_of(*inspection.usable);
    wal::TimelineHistory history{timeline, {}};
    if (timeline != Timeline{1}) {
        std::string path = settings.data_directory() + "/pg_wal/" + history_file(timeline);
        const auto text = co_await outside_.files.read(std::move(path), wal::longest_history);
        auto parsed = text ? wal::parse_history(timeline, *text) : std::unexpected(text.error());
        if (!parsed) co_return std::unexpected(std::move(parsed.error()).in("the data's own history"));
        history = std::move(*parsed);
    }
    co_return local_data(*inspection.usable, std::move(history), outside_.machine.server_major);
}

Task<Rejoiner::Report> Rejoiner::carry_out(const Settings& settings, const Inspection& inspection,
                                           const instance::RejoinPlan& plan, std::string conninfo,
                                           const instance::Upstream& upstream) {
    Left left = Left::elsewhere;
    if (!cancelled_ && inspection.usable && ends_its_archiving(plan)) {
        std::function<void()> begins = [this] { show("archiving what only this instance has"); };
        // Into an archive of its own cluster alone each of its timelines may go.
        constexpr Timeline beyond_all{std::numeric_limits<std::uint32_t>::max()};
        const Timeline of_primary = has_foreign_wal() ? beyond_all : upstream.position.timeline;
        left = co_await left_behind_.archive(settings, of_primary, std::move(begins));
    }
    if (cancelled_) co_return cancelled();
    const bool follows = std::holds_alternative<instance::Follow>(plan.what);
    if ((follows || std::holds_alternative<instance::Rewind>(plan.what)) &&
        inspection.usable->start == postgres::StartMode::primary) {
        const auto dropped = co_await drop_slots(outside_.files, settings);
        if (!dropped) co_return failed(dropped.error());
    }
    if (follows) co_return co_await mark(settings, inspection, true);
    if (std::holds_alternative<instance::AwaitFact>(plan.what)) {
        // What is missing is known when it runs: it comes up following nobody, and is compared then. Not so an
        // unfinished copy, which would never answer; but a restored one, which has the archive.
        const auto last = co_await recall_archive_clone(outside_.files, settings);
        if (!last) co_return failed(last.error());
        const bool unfinished =
            inspection.usable && is_unfinished_copy(*inspection.usable) && *last != ArchiveClone::restored;
        co_return co_await mark(settings, inspection, unfinished);
    }
    if (std::holds_alternative<instance::Refuse>(plan.what)) {
        co_return Report{instance::BootstrapOutcome::refused, false,
                         "it cannot follow the primary: " + std::string(plan.why),
                         "check that it is of the same cluster; move its data directory away to have it cloned anew"};
    }
    const auto told = co_await calls_.losing_data();
    if (!told) co_return failed(told.error());
    if (std::holds_alternative<instance::Rewind>(plan.what))
        co_return co_await rewind(settings, inspection, std::move(conninfo));
    std::string whom = conninfo;
    const auto free = co_await make_way(settings, inspection, std::move(whom), left);
    if (!free) {
        Report report = failed(free.error());
        if (free.error().kind == FaultKind::refused) report.outcome = instance::BootstrapOutcome::refused;
        co_return report;
    }
    if (cancelled_) co_return cancelled();
    co_return co_await copy(settings, std::move(conninfo), upstream);
}

Task<Rejoiner::Report> Rejoiner::mark(const Settings& settings, const Inspection& inspection, bool compared) {
    if (inspection.usable && inspection.usable->start == postgres::StartMode::primary) {
        const auto noted = co_await note_slots(outside_.files, settings);
        if (!noted) co_return failed(noted.error());
    }
    std::string path = settings.data_directory() + "/standby.signal";
    auto marked = co_await outside_.files.write_durably(std::move(path), std::string());
    if (marked) {
        // PostgreSQL leaves it beside the other one: started anew as a primary it would recover again.
        path = settings.data_directory() + "/recovery.signal";
        marked = co_await outside_.files.remove_durably(std::move(path));
    }
    if (!marked) co_return failed(marked.error());
    co_return Report{instance::BootstrapOutcome::done, compared, {}, {}};
}

Task<Rejoiner::Report> Rejoiner::rewind(const Settings& settings, const Inspection& inspection, std::string conninfo) {
    show("pg_rewind");
    auto command = co_await rewind_command(settings, inspection, std::move(conninfo));
    if (!command) co_return failed(command.error());
    std::string last_error;
    command->on_line = [this, &last_error](std::string_view line) {
        if (line.find("error") != std::string_view::npos || line.find("FATAL") != std::string_view::npos)
            last_error = line;
        calls_.line("pg_rewind", line);
    };
    std::string text(rewind_marker);
    auto done = co_await write_bootstrap_marker(outside_.files, settings, std::move(text));
    if (!done) co_return failed(done.error());
    std::string marker = settings.state_directory() + std::string(bootstrap_marker);
    Result<ProcessId> started = fail(FaultKind::cancelled, "the rejoin was cancelled");
    if (!cancelled_) started = tool_.start(std::move(*command));
    if (!started) {
        // Nothing has been changed. While the marker stays the data counts as changed, and is kept when it is cloned.
        done = co_await outside_.files.remove_durably(std::move(marker));
        co_return failed(done ? started.error() : done.error());
    }
    std::optional<ExitStatus> ended;
    while (!ended) ended = co_await tool_.wait(tool_look);
    if (!ended->success()) {
        rewind_failed_ = !cancelled_;
        std::string what = "pg_rewind ended with " + to_string(*ended) + (last_error.empty() ? "" : ": ") + last_error;
        log::warning("pg_rewind failed: " + what);
        co_return failed(
            {FaultKind::refused, std::move(what), "its output is in the log; the instance is cloned anew"});
    }
    Report report = co_await mark(settings, inspection, true);
    if (report.outcome != instance::BootstrapOutcome::done) co_return report;
    done = co_await outside_.files.remove_durably(std::move(marker));
    if (!done) co_return failed(done.error());
    co_return report;
}

Task<Result<Command>> Rejoiner::rewind_command(const Settings& settings, const Inspection& inspection,
                                               std::string conninfo) {
    auto source = following(settings, conninfo);
    if (!source) co_return std::unexpected(std::move(source.error()));
    auto passfile = co_await write_passfile(outside_, settings);
    if (!passfile) co_return std::unexpected(std::move(passfile.error()));
    std::string config_file = settings.run_dir + "/rewind.conf";
    std::string path = config_file;
    std::string text = postgres::rewind_conf(settings, outside_.machine.wal_program);
    const auto written = co_await outside_.files.write_durably(std::move(path), std::move(text));
    if (!written) co_return std::unexpected(written.error());
    postgres::RewindLaunch launch{source->primary_conninfo + " dbname='postgres'", std::move(*passfile),
                                  inspection.stale_pid, std::move(config_file)};
    co_return postgres::rewind_command(settings, launch);
}

}  // namespace pgbosun::supervision
