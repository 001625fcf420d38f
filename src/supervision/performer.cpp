#include "supervision/performer.hpp"

#include <csignal>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/left_slots.hpp"
#include "supervision/fence_file.hpp"
#include "supervision/local_data.hpp"
#include "supervision/own_archive.hpp"
#include "supervision/refused_settings.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration disk_retry = 1s;
constexpr Duration longest_checkpoint = 10min;  // that is asked for by a command
constexpr Duration reload_look = 1h;            // only how often the wait is renewed
constexpr Duration shutdown_look = 50ms;
constexpr std::size_t longest_upstream_file = 8192;

std::string upstream_path(const Settings& settings) { return settings.state_directory() + "/upstream"; }

WallTime modified_at(const FileFacts& facts) {
    return WallTime(std::chrono::floor<std::chrono::microseconds>(std::chrono::nanoseconds(facts.modified_ns)));
}

}  // namespace

Performer::Performer(Surroundings& outside, const Settings& settings, Calls calls)
    : outside_(outside), settings_(settings), calls_(std::move(calls)),
      bootstrapper_(outside, calls_.output, calls_.look_at_catalog), rejoiner_(outside, bootstrapper_, calls_.rejoin),
      trusted_wal_(outside, settings, calls_.rejoin.record), foreign_wal_(outside.files, settings),
      held_data_(outside.files, settings), source_(outside, "compare-running"), reloaded_(outside.loop) {}

void Performer::start(Task<> task) { spawn(outside_.loop, std::move(task)); }

void Performer::set_reason(std::string reason, std::string hint) {
    reason_ = std::move(reason);
    hint_ = std::move(hint);
    calls_.changed();
}

std::string Performer::upstream() const {
    if (calls_.primary) return followed_ == calls_.primary() ? calls_.upstream() : followed_;
    if (!upstream_.empty()) return upstream_;
    return settings_.bootstrap.join ? settings_.bootstrap.join->primary_conninfo : std::string();
}

std::string Performer::upstream_of_demotion(const std::string& named) const {
    if (!named.empty()) return named;
    return settings_.bootstrap.join ? settings_.bootstrap.join->primary_conninfo : upstream_;
}

// The configured one is not remembered: the configuration may name another one later.
void Performer::set_upstream(const std::string& conninfo) {
    const bool configured = settings_.bootstrap.join && settings_.bootstrap.join->primary_conninfo == conninfo;
    upstream_ = configured ? std::string() : conninfo;
}

void Performer::perform(const instance::Action& action) {
    struct Perform {
        Performer& it;
        void operator()(const instance::InspectVolume&) const { it.start(it.inspect()); }
        void operator()(const instance::Bootstrap&) const {
            it.bootstrapper_.expect_run();
            it.start(it.bootstrap());
        }
        void operator()(const instance::CancelBootstrap& order) const { it.bootstrapper_.cancel(order.kill); }
        void operator()(const instance::Rejoin&) const {
            it.rejoiner_.expect_run();
            it.start(it.rejoin());
        }
        void operator()(const instance::CancelRejoin& order) const { it.rejoiner_.cancel(order.kill); }
        void operator()(const instance::FollowPrimary&) const { it.start(it.follow()); }
        void operator()(const instance::ClearStrays&) const { it.start(it.clear_strays()); }
        void operator()(const instance::MarkStandby&) const { it.start(it.mark_standby()); }
        void operator()(const instance::CheckRoom&) const { it.start(it.check_room()); }
        void operator()(const instance::Launch& order) const {
            it.alone_ = order.alone;
            it.start(it.launch());
        }
        void operator()(const instance::StopPostgres& order) const { it.stop(order.mode); }
        void operator()(const instance::KillPostgres&) const { it.kill(); }
        void operator()(const instance::Checkpoint& order) const {
            it.start(it.checkpoint(order.asked ? longest_checkpoint : it.settings_.shutdown.checkpoint_timeout));
        }
        void operator()(const instance::Promote&) const { it.start(it.promote()); }
        void operator()(const instance::Reload&) const {
            ++it.reloads_asked_;
            if (!std::exchange(it.reloading_, true)) it.start(it.keep_reloading());
        }
        void operator()(const instance::StoreFence&) const {
            it.fence_task_ = FenceTask::store;
            if (!it.fence_task_running_) it.start(it.reconcile_fence());
        }
        void operator()(const instance::RemoveFence&) const {
            it.fence_task_ = FenceTask::remove;
            if (!it.fence_task_running_) it.start(it.reconcile_fence());
        }
        void operator()(const instance::End& order) const { it.calls_.end(order.exit_status); }
    };
    std::visit(Perform{*this}, action);
}

// In a cluster that is the controller's matter (may_initialise). A clone, or a recovery, is asked for by the configuration.
Task<> Performer::refuse_new_data(Inspection& found) {
    if (calls_.primary) co_return;
    if (found.usable && !found.recovering) co_await held_data_.note();
    const bool new_one =
        found.verdict == instance::VolumeVerdict::empty && !settings_.bootstrap.join && !settings_.bootstrap.recovery;
    if (!new_one) co_return;
    auto held = co_await held_data_.recall();
    while (!held) {
        set_reason(held.error().what, "no database is made before it is known whether the volume has held one");
        co_await pause(outside_.loop, disk_retry);
        held = co_await held_data_.recall();
    }
    if (!*held) co_return;
    found.verdict = instance::VolumeVerdict::refused;
    found.reason = "the data directory is gone, and this volume has held a database";
    found.hint =
        "is its own volume mounted? Bring it back; to begin with an empty database, remove " + held_data_.file();
}

Task<> Performer::inspect() {
    const std::uint64_t number = ++inspection_number_;
    Inspection found = co_await inspect_volume(outside_, settings_);
    if (number != inspection_number_) co_return;
    co_await judge_copy(settings_, calls_.look_at_catalog, found);
    if (number != inspection_number_) co_return;
    co_await refuse_new_data(found);
    if (number != inspection_number_) co_return;
    inspection_ = std::move(found);
    changed_since_inspection_ = false;
    const bool nothing = inspection_->verdict == instance::VolumeVerdict::empty ||
                         inspection_->verdict == instance::VolumeVerdict::unfinished;
    if (nothing && calls_.may_initialise && !calls_.may_initialise()) {
        inspection_->verdict = instance::VolumeVerdict::refused;
        inspection_->reason = "the data directory is gone, although this instance is the primary of its cluster";
        inspection_->hint =
            "bring the data back, or let another instance take over: pgbosun-controller failover --to NAME";
    }
    const auto verdict = inspection_->verdict;
    if (!inspection_->reason.empty()) {
        const auto level = verdict == instance::VolumeVerdict::refused ? log::Level::error : log::Level::warning;
        if (inspection_->reason != reason_) {
            log::write(level, "the data directory cannot be used: " + inspection_->reason,
                       {{"hint", inspection_->hint}});
        }
        set_reason(inspection_->reason, inspection_->hint);
    }
    calls_.answer(instance::VolumeJudged{verdict, inspection_->recovering});
}

Task<> Performer::bootstrap() {
    log::info(settings_.bootstrap.join       ? "cloning the primary with pg_basebackup"
              : settings_.bootstrap.recovery ? "restoring a backup from the archive"
                                             : "initialising a new data directory",
              {{"data_directory", settings_.data_directory()}});
    auto prepared = co_await forget_upstream();
    if (prepared) prepared = co_await make_log_fifos(outside_, settings_);
    Bootstrapper::Report report{instance::BootstrapOutcome::failed, {}, {}};
    if (prepared) {
        report = co_await bootstrapper_.run(settings_);
    } else {
        report.reason = prepared.error().what;
        report.hint = prepared.error().hint;
    }
    if (report.outcome == instance::BootstrapOutcome::done) {
        log::info("the data directory has been made");
        clear_reason();
    } else {
        log::error("the data directory could not be made: " + report.reason, {{"hint", report.hint}});
        set_reason(report.reason, report.hint);
    }
    calls_.answer(instance::BootstrapEnded{report.outcome});
}

Task<> Performer::mark_standby() {
    for (;;) {
        Result<> written;
        std::string path = upstream_path(settings_);
        if (upstream_.empty()) {
            written = co_await outside_.files.remove_durably(std::move(path));
        } else {
            std::string text = upstream_ + "\n";
            written = co_await outside_.files.write_durably(std::move(path), std::move(text));
        }
        if (written) {
            path = settings_.data_directory() + "/standby.signal";
            written = co_await outside_.files.write_durably(std::move(path), std::string());
        }
        // Killed between the two, it keeps its slots: better than a primary that has lost them.
        if (written) written = co_await drop_slots(outside_.files, settings_);
        if (written) break;
        set_reason(written.error().what, "the demotion waits for the volume");
        co_await pause(outside_.loop, disk_retry);
    }
    clear_reason();
    calls_.answer(instance::StandbyMarked{});
}

Task<> Performer::recall_upstream() {
    for (;;) {
        std::string path = upstream_path(settings_);
        const auto text = co_await outside_.files.read(std::move(path), longest_upstream_file);
        if (text) upstream_ = text->substr(0, text->find('\n'));
        if (text || text.error().kind == FaultKind::not_found) co_return;
        set_reason(text.error().what, "PostgreSQL is not started before it is known whom it follows");
        co_await pause(outside_.loop, disk_retry);
    }
}

// It was named for data that is no more.
Task<Result<>> Performer::forget_upstream() {
    upstream_.clear();
    std::string path = upstream_path(settings_);
    co_return co_await outside_.files.remove_durably(std::move(path));
}

Task<> Performer::remove_recovery_marker() {
    for (;;) {
        std::string path = settings_.state_directory() + std::string(recovery_marker);
        const auto removed = co_await outside_.files.remove_durably(std::move(path));
        if (removed) co_return;
        co_await pause(outside_.loop, disk_retry);
    }
}

void Performer::stop(instance::StopMode mode) {
    if (!postmaster_) {
        if (launching_ == Launching::preparing) launching_ = Launching::given_up;
        return;
    }
    const int number = mode == instance::StopMode::smart  ? SIGTERM
                       : mode == instance::StopMode::fast ? SIGINT
                                                          : SIGQUIT;
    // not_found: it has ended, and on_exit is under way.
    std::ignore = outside_.processes.signal(*postmaster_, number);
    if (calls_.primary && watched_shutdown_ != postmaster_) start(watch_shutdown());
}

// Its archiver's last turn comes between its last checkpoint and its end, and is long when the store is slow: who takes over
// need not wait for that. Killed in it, the data is shut down all the same.
Task<> Performer::watch_shutdown() {
    const auto process = watched_shutdown_ = postmaster_;
    while (postmaster_ == process && !shut_down_) {
        std::string path = settings_.data_directory() + "/global/pg_control";
        const auto file = co_await outside_.files.read(std::move(path), postgres::control_file_size);
        auto control = file ? postgres::parse_control_data(*file) : std::unexpected(file.error());
        if (postmaster_ == process && control && control->state == postgres::ClusterState::shut_down) {
            shut_down_ = std::move(*control);
            calls_.changed();
        } else {
            co_await pause(outside_.loop, shutdown_look);
        }
    }
}

void Performer::kill() {
    if (!postmaster_) return;
    std::ignore = outside_.processes.signal(*postmaster_, SIGKILL);
    std::ignore = outside_.processes.kill_strays(outside_.machine.data_directory);
}

Task<> Performer::checkpoint(Duration limit) {
    // A session of its own: the monitor's must not wait behind a checkpoint.
    const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
    std::string sql = "checkpoint";
    const auto done = co_await session->query(std::move(sql), {}, limit);
    ++last_checkpoint_.count;
    last_checkpoint_.result = done ? Result<>() : std::unexpected(done.error());
    if (!done) log::warning("the checkpoint did not succeed: " + done.error().what);
    calls_.changed();
    calls_.answer(instance::CheckpointEnded{});
}

// What is asked for while one is under way may have come too late for it.
Task<> Performer::keep_reloading() {
    while (last_reload_.count < reloads_asked_) {
        const auto number = reloads_asked_;
        last_reload_.result = co_await reload_once();
        last_reload_.count = number;
        reloaded_.announce();
        calls_.changed();
    }
    reloading_ = false;
}

Task<> Performer::reload() {
    perform(instance::Reload{});
    const auto number = reloads_asked_;
    while (last_reload_.count < number) co_await reloaded_.wait(reload_look);
}

Task<Result<>> Performer::reload_once() {
    Result<> done;
    if (postmaster_) {
        done = co_await configure(AutoConf::ours);
        if (done && postmaster_) done = outside_.processes.signal(*postmaster_, SIGHUP);
    }
    if (!done) {
        log::error("PostgreSQL's configuration could not be written: " + done.error().what);
    } else if (postmaster_) {
        const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
        done = co_await check_refused_settings(*session);
        if (!done) log::error(done.error().what, {{"hint", done.error().hint}});
    }
    co_return done;
}

Task<> Performer::reconcile_fence() {
    fence_task_running_ = true;
    const std::string path = fence_path(settings_);
    while (fence_task_ != FenceTask::none) {
        const FenceTask task = fence_task_;
        std::string name = path;
        Result<> done;
        if (task == FenceTask::store) {
            std::string text = fence_text(fence_.value_or(FenceStatus{}));
            done = co_await outside_.files.write_durably(std::move(name), std::move(text));
        } else {
            done = co_await outside_.files.remove_durably(std::move(name));
        }
        if (task != fence_task_) continue;  // the wish changed while the disk worked: do that instead
        if (done) {
            fence_task_ = FenceTask::none;
            if (task == FenceTask::remove) fence_.reset();
            calls_.changed();
            if (task == FenceTask::store) {
                calls_.answer(instance::FenceStored{});
            } else {
                calls_.answer(instance::FenceRemoved{});
            }
            continue;
        }
        log::error("the fence could not be written; it is tried again: " + done.error().what);
        co_await pause(outside_.loop, disk_retry);
    }
    fence_task_running_ = false;
}

Task<bool> Performer::recall_fence() {
    for (;;) {
        std::string path = fence_path(settings_);
        const auto text = co_await outside_.files.read(std::move(path), longest_fence_file);
        if (!text && text.error().kind == FaultKind::not_found) co_return false;
        // One that is refused is there, whatever it says.
        if (text || text.error().kind == FaultKind::refused) {
            std::string same = fence_path(settings_);
            const auto facts = co_await outside_.files.inspect(std::move(same));
            const WallTime modified = facts ? modified_at(*facts) : outside_.clock.wall();
            fence_ = text ? parse_fence(*text, modified) : unreadable_fence(text.error(), modified);
            co_return true;
        }
        set_reason(text.error().what, "PostgreSQL is not started before it is known whether the instance is fenced");
        co_await pause(outside_.loop, disk_retry);
    }
}

}  // namespace pgbosun::supervision
