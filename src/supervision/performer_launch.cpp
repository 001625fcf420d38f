// The part of Performer that configures and starts the server, and finds out why it ended.
#include <string>
#include <string_view>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "postgres/tools.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/exit_reason.hpp"
#include "supervision/own_archive.hpp"
#include "supervision/performer.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

// PostgreSQL's log comes through a FIFO, its end through the kernel.
constexpr Duration last_line_look = 100ms;
constexpr int last_line_looks = 10;

// FATALs of PostgreSQL's startup process (xlogrecovery.c) that the same archive gives again and again.
bool ends_recovery_for_good(std::string_view message) {
    for (const std::string_view sign :
         {"recovery ended before configured recovery target was reached", "requested recovery stop point is before",
          "is not a child of this server's history", "recovery target timeline",
          "does not contain minimum recovery point", "WAL ends before end of online backup",
          "WAL ends before consistent recovery point"}) {
        if (message.find(sign) != std::string_view::npos) return true;
    }
    return false;
}

}  // namespace

postgres::RestoresFrom Performer::restores_from(bool by_archive) const {
    using postgres::RestoresFrom;
    if (!calls_.primary) return RestoresFrom::own_archive;
    if (calls_.foreign_wal()) return by_archive ? RestoresFrom::source_archive : RestoresFrom::nowhere;
    // It has followed an archive, and has not been compared with its new primary yet; of one that is promoted there is none.
    const bool promoted = calls_.primary().empty();
    if (by_archive && !promoted) return RestoresFrom::nowhere;
    if (promoted && foreign_wal_.replayed())
        return own_archive_free_ ? RestoresFrom::own_archive : RestoresFrom::nowhere;
    return followed_.empty() && !restored_clone_ ? RestoresFrom::nowhere : RestoresFrom::own_archive;
}

Task<Result<postgres::ConfigurationFacts>> Performer::configuration_facts(const std::string& upstream_now) {
    postgres::ConfigurationFacts facts;
    facts.server_major = outside_.machine.server_major;
    facts.syncfs_tells_errors = outside_.machine.syncfs_tells_errors;
    facts.wal_program = outside_.machine.wal_program;
    facts.account = outside_.machine.account;
    facts.connected_standbys = connected_standbys_;
    facts.synchronous_standby_names = synchronous_;
    facts.holds_clients = holds_clients_;
    facts.confirming_slots = confirming_slots_;
    if (inspection_ && inspection_->usable && inspection_->usable->start != postgres::StartMode::primary) {
        const bool by_archive = upstream_now == archive_source;
        facts.on_own_timeline = alone_;
        const bool streams = !by_archive && !alone_ && (!calls_.primary || settings_.postgresql.replication.stream);
        auto upstream_facts = following(settings_, streams ? upstream_now : std::string());
        if (!upstream_facts) co_return std::unexpected(std::move(upstream_facts.error()));
        const auto passfile = co_await write_passfile(outside_, settings_);
        if (!passfile) co_return std::unexpected(passfile.error());
        facts.following = std::move(*upstream_facts);
        if (streams && upstream_now == upstream()) facts.following->slot = slot();
        const auto cloned = co_await recall_archive_clone(outside_.files, settings_);
        if (!cloned) co_return std::unexpected(cloned.error());
        // What was restored has no WAL of its own yet, and no other history.
        restored_clone_ = *cloned == ArchiveClone::restored;
        facts.restores_from = restores_from(by_archive);
        if (facts.restores_from == postgres::RestoresFrom::source_archive) {
            const auto named = names_source_archive(settings_);
            if (!named) co_return std::unexpected(named.error());
        }
        facts.limits = inspection_->usable->control.limits;
    }
    if (inspection_ && inspection_->recovering) {
        const auto& recovery = settings_.bootstrap.recovery;
        if (!recovery) {
            co_return fail(FaultKind::refused, "this data directory is being recovered, and bootstrap.recovery is gone",
                           "put bootstrap.recovery back into the configuration until the recovery is over");
        }
        auto parameters = outside_.archiver.recovery_parameters(
            recovery->target, postgres::recovery_restore_command(settings_, outside_.machine.wal_program));
        if (!parameters) co_return std::unexpected(std::move(parameters.error()));
        facts.recovery = std::move(*parameters);
    }
    co_return facts;
}

Task<Result<>> Performer::prepare_launch() {
    if (inspection_->damaged_pid_file) {
        std::string from = settings_.data_directory() + "/postmaster.pid";
        std::string to = from + ".damaged";
        const auto moved = co_await outside_.files.rename_durably(std::move(from), std::move(to));
        if (!moved) co_return moved;
    }
    if (const auto mode = inspection_->usable->mode_to_set) {
        std::string path = settings_.data_directory();
        const auto set = co_await outside_.files.change_mode(std::move(path), *mode);
        if (!set) co_return set;
    }
    if (inspection_->restored_copy) {
        const auto freed = co_await free_copy(outside_, settings_);
        if (!freed) co_return freed;
    }
    const auto forgotten = co_await forget_copy(outside_.files, settings_, *inspection_);
    if (!forgotten) co_return forgotten;
    const auto released = co_await remove_left_socket(outside_, settings_);
    if (!released) co_return released;
    const auto fifos = co_await make_log_fifos(outside_, settings_);
    if (!fifos) co_return fifos;
    const auto& slots = settings_.replication_slots;
    if (calls_.primary && slots.synchronize_logical_decoding && outside_.machine.server_major < 17) {
        log::warning("logical replication slots are not synchronized before PostgreSQL 17",
                     {{"hint", "leave synchronize_logical_decoding out, or use the extension pg_failover_slots"}});
    }
    holds_clients_ =
        synchronous_ && !synchronous_->empty() && inspection_->usable->start == postgres::StartMode::primary;
    const bool by_hand = inspection_->usable->start == postgres::StartMode::recovery && !inspection_->recovering;
    const auto auto_conf = by_hand ? AutoConf::of_a_restore_by_hand : AutoConf::ours;
    co_return co_await configure(auto_conf);
}

Task<Result<>> Performer::configure(AutoConf auto_conf) {
    const auto noted = co_await note_foreign_wal();
    if (!noted) co_return noted;
    const std::string from = upstream();
    const auto facts = co_await configuration_facts(from);
    if (!facts) co_return std::unexpected(facts.error());
    auto written = co_await write_configuration(outside_, settings_, *facts, auto_conf);
    if (written && from != written_upstream_) {
        written_upstream_ = from;
        written_upstream_at_ = outside_.clock.now();
    }
    co_return written;
}

Task<> Performer::launch() {
    launching_ = Launching::preparing;
    last_fatal_.clear();
    if (inspection_->usable && inspection_->usable->start == postgres::StartMode::primary) clone_asked_ = false;
    auto prepared = co_await prepare_launch();
    const bool given_up = std::exchange(launching_, Launching::no) == Launching::given_up;
    if (given_up) {
        calls_.answer(instance::PostmasterExited{});
        co_return;
    }
    std::optional<ProcessId> process;
    if (prepared) {
        postgres::PostgresLaunch how;
        how.stale_pid = inspection_->stale_pid;
        how.own_oom_score = outside_.machine.oom_score;
        Command command = postgres::postgres_command(settings_, how);
        command.on_line = [this](std::string_view line) { calls_.output("postgres", line); };
        command.on_exit = [this](ExitStatus status) { postmaster_exited(status); };
        command.on_late = [this, program = command.program] {
            const std::string what = "postgres is not executed yet: what holds " + program + " does not answer";
            const std::string hint = "look at the volume or the image that holds the program";
            log::warning(what, {{"hint", hint}});
            set_reason(what, hint);
        };
        outside_.guard.expect();
        const auto spawned = outside_.processes.spawn(std::move(command));
        if (spawned) {
            process = *spawned;
        } else {
            outside_.guard.unwatch();
            prepared = std::unexpected(spawned.error());
        }
    }
    if (!process) {
        log::error("postgres could not be started: " + prepared.error().what, {{"hint", prepared.error().hint}});
        set_reason(prepared.error().what, prepared.error().hint);
        calls_.answer(instance::LaunchFailed{});
        co_return;
    }
    changed_since_inspection_ = true;
    postmaster_ = process;
    postmaster_since_ = outside_.clock.now();
    const auto guarded = outside_.guard.watch(*process);
    if (!guarded) {
        log::error("the guard cannot watch postgres, which is stopped: " + guarded.error().what);
        stop(instance::StopMode::immediate);
    }
    calls_.changed();
}

void Performer::postmaster_exited(ExitStatus status) {
    outside_.guard.unwatch();
    postmaster_.reset();
    postmaster_since_.reset();
    shut_down_.reset();
    outside_.session.close();
    const bool recovering = inspection_ && inspection_->recovering;
    // Its last line, which may still be on its way, says whether another try could end better, or what to correct.
    if (!status.success() &&
        (recovering || (status.how == ExitStatus::How::exited && last_fatal_.empty()) || ends_standby_for_good())) {
        start(conclude_failed_exit(status, recovering));
        return;
    }
    explain_exit(status);
    if (status.success()) start(look_at_rest());
    calls_.answer(instance::PostmasterExited{});
}

// A fenced instance is not inspected before it is unfenced, and the controller asks where its data ends.
Task<> Performer::look_at_rest() {
    const std::uint64_t number = inspection_number_;
    Inspection found = co_await inspect_volume(outside_, settings_);
    const bool same = number == inspection_number_ && !postmaster_ && launching_ == Launching::no;
    if (!same || !inspection_ || !found.usable) co_return;
    inspection_->usable = std::move(found.usable);
    changed_since_inspection_ = false;
    calls_.changed();
}

void Performer::explain_exit(ExitStatus status) {
    if (status.success()) {
        log::info("postgres has ended");
        return;
    }
    std::string why = "postgres ended with " + to_string(status);
    if (!last_fatal_.empty()) why += ": " + last_fatal_;
    log::error(why);
    set_reason(std::move(why), std::string(hint_for_exit(last_fatal_)));
}

// A standby of a cluster is brought in step with its primary's data instead.
bool Performer::ends_standby_for_good() const {
    const bool standby =
        inspection_ && inspection_->usable && inspection_->usable->start != postgres::StartMode::primary;
    return standby && !calls_.primary && tells_of_parted_history(last_fatal_);
}

Task<> Performer::conclude_failed_exit(ExitStatus status, bool recovering) {
    for (int i = 0; i < last_line_looks && last_fatal_.empty(); ++i) co_await pause(outside_.loop, last_line_look);
    explain_exit(status);
    const bool missed_target = recovering && ends_recovery_for_good(last_fatal_);
    if (missed_target) {
        set_reason(
            "the recovery did not reach its target: " + last_fatal_,
            "nothing was promoted. pgbosun wal verify says what the archive has; correct bootstrap.recovery, fence, "
            "move the data directory away, unfence");
        log::error("the recovery did not reach its target: " + last_fatal_, {{"hint", hint_}});
    }
    calls_.answer(instance::PostmasterExited{missed_target || (!recovering && ends_standby_for_good())});
}

}  // namespace pgbosun::supervision
