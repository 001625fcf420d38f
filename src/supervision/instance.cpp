#include "supervision/instance.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/own_metrics.hpp"
#include "supervision/demotion_check.hpp"
#include "supervision/preparation.hpp"
#include "supervision/status.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

// A command that only needs the disk and a signal is answered at its end even when nobody asked to wait.
constexpr Duration shortest_wait = 3s;
// Who follows an archive has to replay a segment whenever one comes.
constexpr Duration archive_end_holds = 30s;
constexpr Duration look = 1s;  // at what has no event of its own

}  // namespace

Instance::Instance(Surroundings& outside, const Settings& settings, Wiring wiring)
    : outside_(outside), settings_(settings), wiring_(std::move(wiring)),
      journal_(outside.loop, outside.files, outside.clock, settings.state_directory() + "/journal",
               wiring_.journal_codec),
      performer_(outside, settings, performer_calls()), supervisor_(policy(), outside.clock, performer_, *this),
      monitor_(outside, settings,
               Monitor::Calls{[this]() -> const instance::InstanceState& { return supervisor_.state(); },
                              [this](const instance::Event& event) { handle(event); }, [this] { changed(); },
                              [this] { return unsettled(); }, [this] { return performer_.postmaster(); }}),
      role_upkeep_(outside), slot_upkeep_(outside, settings), jobs_(outside, settings, job_calls()),
      changed_(outside.loop) {
    if (wiring_.cluster)
        membership_ = std::make_unique<Membership>(outside_, settings_, wiring_.boot_id, membership_calls());
}

JobCalls Instance::job_calls() {
    JobCalls calls;
    calls.next_moment = wiring_.next_moment;
    calls.status = [this]() -> const InstanceStatus& { return status(); };
    calls.record = [this](std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts) {
        journal_.record(std::move(kind), std::move(what), std::move(facts));
    };
    calls.changed = [this] { changed(); };
    return calls;
}

instance::Policy Instance::policy() const {
    instance::Policy policy;
    policy.smart_timeout = settings_.shutdown.smart_timeout;
    policy.stop_timeout = settings_.shutdown.timeout;
    policy.checkpoint_timeout = settings_.shutdown.checkpoint_timeout;
    policy.restart_intensity = settings_.restart.intensity;
    policy.restart_period = settings_.restart.period;
    return policy;
}

void Instance::attend() { spawn(outside_.loop, refresh_each_second()); }

void Instance::begin() {
    spawn(outside_.loop, recall_and_begin());
    spawn(outside_.loop, monitor_.watch_server());
    spawn(outside_.loop, monitor_.watch_wal_directory());
    jobs_.begin();
}

Task<> Instance::recall_and_begin() {
    std::string directory = settings_.state_directory();
    const auto made = co_await outside_.files.make_directory(std::move(directory));
    if (!made) log::error("the state directory cannot be made: " + made.error().what, {{"hint", made.error().hint}});
    co_await journal_.recall();
    journal_.record("phase", "pgbosun has started", {{"version", PGBOSUN_VERSION}, {"boot_id", wiring_.boot_id}});
    const bool fenced = co_await performer_.recall_fence();
    co_await performer_.recall_upstream();
    if (fenced) {
        log::warning("the instance is fenced since an earlier run: PostgreSQL is not started",
                     {{"reason", performer_.fence()->reason}, {"hint", "pgbosun unfence lifts it"}});
    }
    if (membership_) {
        co_await membership_->recall();
        spawn(outside_.loop, membership_->keep_right());
        spawn(outside_.loop, membership_->collect_promises());
        spawn(outside_.loop, accompany());
        spawn(outside_.loop, watch_primary());
        spawn(outside_.loop, keep_slots());
    }
    handle(instance::Begin{fenced, membership_ ? membership_->part() : instance::Part::own});
}

// What is read from memory that others write (volumes, log, lag of time) has no event of its own.
Task<> Instance::refresh_each_second() {
    Broadcast nobody(outside_.loop);
    for (;;) {
        co_await nobody.wait(look);
        stale_ = true;
        ++revision_;
        std::ignore = status();
        keep_metrics(settings_.metrics.cache_time - look);
    }
}

void Instance::handle(const instance::Event& event) { supervisor_.handle(event); }
void Instance::end(instance::StopMode mode) {
    jobs_.end();
    note_leave(mode);
    handle(instance::EndRequested{mode});
}
void Instance::deadline_passed() { handle(instance::DeadlinePassed{}); }
void Instance::guard_lost() { handle(instance::GuardLost{}); }

void Instance::settings_changed() {
    supervisor_.set_policy(policy());
    performer_.perform(instance::Reload{});
    journal_.record("config", "the configuration has been read again", {});
    jobs_.note_settings_changed();
    keep_roles();
    changed();
}

void Instance::keep_roles() {
    const auto* running = std::get_if<instance::Running>(&supervisor_.state().activity);
    if (running != nullptr && running->role == Role::primary) spawn(outside_.loop, make_roles());
}

// Of a cluster that pgbosun has not made: without its role no metric query could be run before.
Task<> Instance::make_roles() {
    co_await role_upkeep_.run(settings_);
    if (!wiring_.metrics->last_error().empty()) metrics_rhythm_.forget();
}

void Instance::follow_recovery(const instance::InstanceState& after) {
    wiring_.recovering(after.recovering ? Recovering::yes : Recovering::no);
    if (after.recovering) {
        journal_.record("phase", "recovery from the archive begins, or goes on", {});
        return;
    }
    const auto* running = std::get_if<instance::Running>(&after.activity);
    if (running == nullptr || running->role != Role::primary) return;
    log::info("the recovery has reached its target: this is a primary now");
    journal_.record("phase", "the recovery has reached its target", {});
    performer_.forget_recovery();
}

// synchronous_standby_names lists who is there: it is written anew when standbys come and go.
void Instance::follow_standbys() {
    const auto& synchronous = settings_.postgresql.synchronous;
    if (membership_) return accompany_primary();
    if (!synchronous || synchronous->data_durability != DataDurability::preferred) return;
    if (status_.phase != Phase::running || status_.role != Role::primary) return;
    std::vector<std::string> streaming;
    for (const auto& standby : status_.standbys) {
        if (standby.state == "streaming") streaming.push_back(standby.name);
    }
    std::ranges::sort(streaming);
    if (streaming == performer_.connected_standbys()) return;
    performer_.set_connected_standbys(std::move(streaming));
    performer_.perform(instance::Reload{});
}

void Instance::archive_reported(ArchiveReport report) {
    const bool failing = report.failing_since && (!archive_ || !archive_->failing_since);
    const bool well_again = !report.failing_since && archive_ && archive_->failing_since;
    if (failing) {
        const std::string why = report.last_error.value_or("");
        journal_.record("archive", "WAL archiving fails: " + why, {{"backlog", std::to_string(report.backlog)}});
    }
    if (well_again) journal_.record("archive", "WAL archiving works again", {});
    if (replays_own_archive()) note_awaited(report);
    archive_ = std::move(report);
    jobs_.note_archiver_is_up();
    changed();
}

void Instance::recovery_reported(const ArchiveReport& report) {
    recovery_archive_ = report;
    note_awaited(report);
    changed();
}

void Instance::note_awaited(const ArchiveReport& report) {
    const bool awaits = report.awaited && !report.restore_error;
    if (!awaits) awaits_since_.reset();
    if (awaits && !awaits_since_) awaits_since_ = outside_.clock.now();
}

SourceReading Instance::source_reading(Instant now) {
    // What its primary has not archived yet is not known here.
    if (replays_own_archive()) return SourceReading::behind;
    if (!follows_archive()) return SourceReading::none;
    if (awaits_since_) archive_end_at_ = now;
    return archive_end_at_ && now - *archive_end_at_ < archive_end_holds ? SourceReading::at_its_end
                                                                         : SourceReading::behind;
}

std::optional<ArchiveReport> Instance::archive() const {
    auto report = archive_;
    if (recovery_archive_ && (supervisor_.state().recovering || source_served_)) {
        if (!report) report.emplace();
        report->restored = recovery_archive_->restored;
        report->awaited = recovery_archive_->awaited;
        report->restore_failing_since = recovery_archive_->restore_failing_since;
        report->restore_error = recovery_archive_->restore_error;
    }
    return report;
}

void Instance::saw(const instance::InstanceState& before, const instance::Event& event,
                   const instance::Decision& decision) {
    const auto& after = decision.state;
    if (std::holds_alternative<instance::Launching>(after.activity) &&
        !std::holds_alternative<instance::Launching>(before.activity)) {
        ++launches_;
        if (after.cause == instance::Cause::crash) ++crash_restarts_;
        monitor_.forget_server();
    }
    if (!instance::has_postmaster(after) && instance::has_postmaster(before)) monitor_.forget_server();
    const bool writer_gone = instance::takes_no_writes(after) && !instance::takes_no_writes(before);
    if (membership_ && writer_gone) membership_->writer_gone();
    if (after.recovering != before.recovering) follow_recovery(after);
    wiring_.arm(instance::next_deadline(after));
    const bool other_role =
        std::holds_alternative<instance::Running>(after.activity) && after.activity != before.activity;
    const bool moved =
        after.activity.index() != before.activity.index() || other_role || after.desired != before.desired;
    if (moved || decision.verdict) {
        std::vector<std::pair<std::string, std::string>> facts{
            {"event", std::string(instance::name_of(event))},
            {"from", std::string(instance::name_of(before.activity))},
            {"to", std::string(instance::name_of(after.activity))},
            {"phase", std::string(to_string(instance::phase_of(after)))}};
        for (const auto& action : decision.actions)
            facts.emplace_back("action", std::string(instance::name_of(action)));
        if (decision.verdict) facts.emplace_back("verdict", std::string(instance::reason(*decision.verdict)));
        if (decision.verdict && asking_ != nullptr) {
            facts.emplace_back("by", asking_->asked_by);
            if (!asking_->reason.empty()) facts.emplace_back("reason", asking_->reason);
        }
        const std::string kind = decision.verdict ? "command" : "phase";
        std::string what = facts[0].second + ": " + facts[1].second + " becomes " + facts[2].second;
        journal_.record(kind, std::move(what), std::move(facts));
    }
    if (instance::phase_of(after) != instance::phase_of(before)) {
        log::info("phase is " + std::string(to_string(instance::phase_of(after))),
                  {{"was", to_string(instance::phase_of(before))}, {"because", instance::name_of(event)}});
    }
    const bool became_primary =
        after.activity == instance::Activity(instance::Running{Role::primary}) && before.activity != after.activity;
    // Posted: the supervisor takes over the new state when this has returned.
    if (became_primary) boost::asio::post(outside_.loop, [this] { keep_roles(); });
    if (is_promoted_by_hand(before, event))
        boost::asio::post(outside_.loop, [this] { spawn(outside_.loop, promoted_by_hand()); });
    changed();
    monitor_.look();
}

void Instance::changed() {
    stale_ = true;
    ++revision_;
    // The archiver must lose its right before anything else happens, so the status is not left until somebody asks.
    const auto order = archive_order(status(), settings_, performer_.inspection());
    if (!last_order_ || order != *last_order_) {
        last_order_ = order;
        wiring_.archive_order(order);
    }
    follow_standbys();
    keep_metrics(Duration::max());
    changed_.announce();
}

int Instance::synchronous_number() const {
    if (membership_) return membership_->stored().synchronous.number;
    return settings_.postgresql.synchronous ? settings_.postgresql.synchronous->number : 0;
}

std::vector<VolumeStatus> Instance::volumes(Instant now) {
    const auto& inspection = performer_.inspection();
    const std::uint64_t segment = inspection && inspection->usable ? inspection->usable->control.wal_segment_size : 0;
    auto volumes = wiring_.volumes(now);
    room_.look(volumes, settings_.postgresql.wal_dir ? WalPlace::on_its_own : WalPlace::on_data_volume, segment, now);
    return volumes;
}

const InstanceStatus& Instance::status() {
    const Instant now = outside_.clock.now();
    if (stale_) {
        stale_ = false;
        std::optional<int> pid;
        if (const auto process = performer_.postmaster()) pid = static_cast<int>(*process);
        status_ = assemble(Known{settings_,
                                 supervisor_.state(),
                                 monitor_.facts(),
                                 performer_.inspection(),
                                 performer_.fence(),
                                 performer_.progress(),
                                 performer_.reason(),
                                 performer_.hint(),
                                 wiring_.boot_id,
                                 pid,
                                 performer_.postmaster_since(),
                                 crash_restarts_,
                                 archive(),
                                 volumes(now),
                                 wiring_.log(),
                                 wiring_.shortage(),
                                 now,
                                 source_reading(now),
                                 performer_.holds_clients(),
                                 status_.started,
                                 synchronous_number()});
        status_.backup = jobs_.backups();
        status_.drill = jobs_.drill();
        note_position();
        work_.look(status_, now);
        const bool delayed = settings_.postgresql.apply_delay > Duration::zero();
        replay_.look(status_, delayed ? Replays::delayed : Replays::at_once, now);
        const auto& server = monitor_.facts().server;
        replay_.judge(status_, server ? server->query_patience : std::nullopt, now);
        notice();
    }
    status_.now = now;
    if (membership_) add_managed(status_, now);
    explain_archive(status_, settings_, performer_.inspection());
    explain_cut_off(status_);
    replay_.explain(status_, now);
    work_.explain(status_, now);
    return status_;
}

std::optional<ControlAnswer> Instance::judge(Verb verb, std::uint64_t checkpoints, std::uint64_t reloads,
                                             std::uint64_t launches) const {
    const auto& state = supervisor_.state();
    const auto* running = std::get_if<instance::Running>(&state.activity);
    const auto ended = [](const Result<>& result) {
        if (result) return ControlAnswer{Answer::done, {}, {}};
        return ControlAnswer{Answer::failed, result.error().what, result.error().hint};
    };
    ControlAnswer done{Answer::done, {}, {}};
    if (state.desired.end && verb != Verb::checkpoint && verb != Verb::reload) {
        return ControlAnswer{Answer::failed, "pgbosun was told to end meanwhile", {}};
    }
    const bool starts = verb != Verb::checkpoint && verb != Verb::reload && verb != Verb::fence;
    if (starts && std::holds_alternative<instance::Failed>(state.activity)) {
        return ControlAnswer{Answer::failed, performer_.reason(), performer_.hint()};
    }
    switch (verb) {
        case Verb::checkpoint:
            if (performer_.last_checkpoint().count == checkpoints) return std::nullopt;
            return ended(performer_.last_checkpoint().result);
        case Verb::reload:
            if (performer_.last_reload().count <= reloads) return std::nullopt;
            return ended(performer_.last_reload().result);
        case Verb::fence:
            if (state.desired.fence == instance::Fence::off)
                return ControlAnswer{Answer::failed, "it was unfenced meanwhile", {}};
            if (state.desired.fence != instance::Fence::on || !std::holds_alternative<instance::Fenced>(state.activity))
                return std::nullopt;
            return done;
        case Verb::unfence:
            if (state.desired.fence != instance::Fence::off || running == nullptr) return std::nullopt;
            return done;
        case Verb::restart:
            if (running == nullptr || launches_ == launches) return std::nullopt;
            return done;
        case Verb::reclone:
            if (state.desired.part != instance::Part::standby)
                return ControlAnswer{Answer::failed, "it was given another part meanwhile", {}};
            if (running == nullptr || launches_ == launches || performer_.is_clone_asked()) return std::nullopt;
            return done;
        case Verb::promote:
            if (running == nullptr) return std::nullopt;
            if (running->role == Role::primary) return done;
            return ControlAnswer{Answer::failed, "PostgreSQL is still a standby: " + performer_.reason(),
                                 "its log says what it waits for"};
        case Verb::demote:
            if (running == nullptr || running->role != Role::standby) return std::nullopt;
            return done;
    }
    std::unreachable();
}

// What `decide()` is asked is recorded with its verdict; this is for what is answered before.
ControlAnswer Instance::not_asked(const ControlRequest& request, Answer answer, const Fault& why) {
    journal_.record("command", std::string(to_string(request.verb)) + ": " + why.what,
                    {{"by", request.asked_by}, {"reason", request.reason}});
    return {answer, why.what, why.hint};
}

// Of a standalone primary that runs: all else is for `decide()`.
Task<std::optional<Fault>> Instance::reason_against_demotion(std::string upstream, bool force) {
    const auto& inspection = performer_.inspection();
    const bool primary = supervisor_.state().activity == instance::Activity(instance::Running{Role::primary});
    if (membership_ || !primary || !inspection || !inspection->usable) co_return std::nullopt;
    if (upstream.empty()) co_return std::nullopt;
    const auto control = inspection->usable->control;
    const auto unanswered = force ? Unanswered::accepted : Unanswered::refused;
    co_return co_await reason_against_following(outside_, control, std::move(upstream), unanswered);
}

Task<ControlAnswer> Instance::command(ControlRequest request) {
    log::info("command: " + std::string(to_string(request.verb)),
              {{"by", request.asked_by}, {"reason", request.reason}});
    if (request.verb == Verb::demote && !request.upstream.empty()) {
        if (auto usable = following(settings_, request.upstream); !usable) {
            auto answer = not_asked(request, Answer::refused, usable.error());
            answer.field = "upstream";
            co_return answer;
        }
    }
    if (request.verb == Verb::demote) {
        request.upstream = performer_.upstream_of_demotion(request.upstream);
        const auto against = co_await reason_against_demotion(request.upstream, request.force);
        if (against) co_return not_asked(request, Answer::refused, *against);
    }
    if (request.verb == Verb::reload) {
        const auto read = co_await wiring_.read_settings();
        if (!read) co_return not_asked(request, Answer::failed, read.error());
        supervisor_.set_policy(policy());
    }
    const bool has_upstream = !request.upstream.empty();
    const auto checkpoints = performer_.last_checkpoint().count;
    const auto reloads = performer_.reloads_asked();
    const auto launches = launches_;
    if (request.verb == Verb::fence && supervisor_.state().desired.fence == instance::Fence::off) {
        performer_.set_fence(
            FenceStatus{request.reason.empty() ? "by command" : request.reason, to_iso8601(outside_.clock.wall())});
    }
    asking_ = &request;
    const auto verdict = supervisor_.ask(instance::Asked{request.verb, has_upstream});
    asking_ = nullptr;
    if (is_refusal(verdict)) {
        co_return ControlAnswer{Answer::refused, std::string(instance::reason(verdict)),
                                std::string(instance::hint(verdict))};
    }
    // A file that a person made while it runs would fence the next start.
    if (request.verb == Verb::unfence && verdict == instance::Verdict::already_so)
        performer_.perform(instance::RemoveFence{});
    if (request.verb == Verb::demote && verdict == instance::Verdict::accepted) {
        performer_.set_upstream(request.upstream);
    }
    if (request.verb == Verb::reclone) performer_.ask_for_clone();
    const Duration wait = std::max<Duration>(request.wait, shortest_wait);
    const Instant give_up = outside_.clock.now() + wait;
    for (;;) {
        // What is so already was not done again: a new launch is not waited for.
        const auto launched_before = verdict == instance::Verdict::already_so ? launches - 1 : launches;
        if (auto answer = judge(request.verb, checkpoints, reloads, launched_before)) co_return *answer;
        const Instant now = outside_.clock.now();
        if (now >= give_up) break;
        co_await changed_.wait(give_up - now);
    }
    co_return ControlAnswer{Answer::under_way, "the phase is " + std::string(to_string(status().phase)),
                            "pgbosun status --watch shows how it goes on"};
}

void Instance::notice() {
    auto news = notices(noticed_, status_);
    noticed_ = noticed(status_);
    for (auto& it : news) journal_.record(std::move(it.kind), std::move(it.what), std::move(it.facts));
}

void Instance::keep_metrics(Duration oldest) {
    const Instant now = outside_.clock.now();
    if (!status_.facts_at || status_.postgres.silent_since) {
        metrics_rhythm_.forget();
        wiring_.metrics->forget();
    } else if (metrics_rhythm_.is_due(oldest, now)) {
        metrics_rhythm_.begin(now);
        spawn(outside_.loop, refresh_metrics());
    }
    if (metrics_rhythm_.rests(now)) wiring_.metrics->forget_answers();
}

Task<> Instance::refresh_metrics() {
    co_await wiring_.metrics->refresh();
    metrics_rhythm_.end();
}

std::vector<MetricFamily> Instance::metrics() {
    const auto& now_status = status();
    metrics_rhythm_.note_scrape(outside_.clock.now());
    keep_metrics(settings_.metrics.cache_time);
    auto families = wiring_.metrics->current();
    add_own_metrics(families, now_status, monitor_.facts(), outside_.processes.orphans_reaped());
    return families;
}

}  // namespace pgbosun::supervision
