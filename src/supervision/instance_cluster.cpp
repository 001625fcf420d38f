// The part of Instance that is about a managed cluster.
#include <algorithm>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/instance.hpp"
#include "supervision/local_data.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration pace = 250ms;
constexpr Duration text_age = 50ms;  // the API keeps a rendered status for so long

std::string position_text(const Position& position) {
    return std::to_string(number(position.timeline)) + "@" + to_string(position.lsn);
}

// The data at rest is what it was when it was last seen, where its end was clean.
bool is_clean(postgres::ClusterState state) { return state == postgres::ClusterState::shut_down; }

}  // namespace

Performer::Calls Instance::performer_calls() {
    Performer::Calls calls;
    calls.answer = [this](const instance::Event& event) { handle(event); };
    calls.output = wiring_.output;
    calls.end = wiring_.end;
    calls.changed = [this] { changed(); };
    calls.look_at_catalog = [this] { return jobs_.look_at_catalog(); };
    calls.promotes = [this] { return std::holds_alternative<instance::Promoting>(supervisor_.state().activity); };
    calls.rejoin.line = wiring_.output;
    calls.rejoin.record = [this](std::string what, std::vector<std::pair<std::string, std::string>> facts) {
        journal_.record("archive", std::move(what), std::move(facts));
    };
    if (!wiring_.cluster) return calls;
    calls.primary = [this] {
        const auto primary = membership_->primary();
        return primary ? primary->conninfo : std::string();
    };
    calls.upstream = [this] {
        const auto upstream = membership_->upstream();
        return upstream ? upstream->conninfo : std::string();
    };
    calls.slot = [this] { return slot_at_upstream(); };
    calls.foreign_wal = [this] {
        const auto primary = membership_->primary();
        return primary && primary->name == source_name;
    };
    calls.rejoin.foreign_wal = calls.foreign_wal;
    calls.may_initialise = [this] {
        return membership_->part() != instance::Part::primary || !membership_->stored().system_id;
    };
    calls.rejoin.losing_data = [this] { return losing_data(); };
    calls.rejoin.planned = [this](const instance::RejoinPlan& plan, const std::optional<instance::LocalData>& local,
                                  const instance::Upstream& upstream) {
        std::vector<std::pair<std::string, std::string>> facts{{"primary", position_text(upstream.position)}};
        if (local) facts.emplace_back("local", position_text({local->timeline, local->wal_end}));
        if (local && !local->wal_end_known) facts.emplace_back("local_end", "not known");
        if (const auto* rewind = std::get_if<instance::Rewind>(&plan.what))
            facts.emplace_back("fork", to_string(rewind->fork));
        const std::string what = "rejoin: " + std::string(instance::name_of(plan)) + ", for " + std::string(plan.why);
        log::info(what, {{"primary", position_text(upstream.position)}});
        journal_.record("cluster", what, std::move(facts));
    };
    calls.rejoin.refused = [this](std::string what) {
        log::warning(what);
        journal_.record("cluster", std::move(what), {{"instance", settings_.instance}});
    };
    calls.rejoin.cloning = [this](std::string what, std::vector<std::pair<std::string, std::string>> facts) {
        journal_.record("cluster", std::move(what), std::move(facts));
    };
    return calls;
}

Membership::Calls Instance::membership_calls() {
    Membership::Calls calls;
    calls.codec = wiring_.cluster->codec;
    calls.answer = [this](const instance::Event& event) { handle(event); };
    calls.local = [this] { return local(); };
    calls.record = [this](std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts) {
        journal_.record(std::move(kind), std::move(what), std::move(facts));
    };
    calls.changed = [this] { changed(); };
    calls.guard = wiring_.cluster->guard;
    calls.ask = [this](Peer member, PromiseRequest request) {
        return ask_promise(std::move(member), std::move(request));
    };
    return calls;
}

Task<Result<PromiseAnswer>> Instance::ask_promise(Peer member, PromiseRequest request) {
    const std::string name = member.name;
    auto answer = co_await wiring_.cluster->ask(std::move(member), std::move(request));
    note_contact(name, answer ? std::nullopt : std::optional(answer.error()));
    co_return answer;
}

Task<Result<InstanceStatus>> Instance::look_at(Peer member) {
    const std::string name = member.name;
    auto said = co_await wiring_.cluster->look_at(std::move(member));
    note_contact(name, said ? std::nullopt : std::optional(said.error()));
    co_return said;
}

// Without answers there are no promises and nobody can be promoted: somebody has to know why.
void Instance::note_contact(const std::string& member, const std::optional<Fault>& lack) {
    switch (contact_.note(member, lack ? lack->what : "", outside_.clock.now())) {
        case MemberContact::News::none: return;
        case MemberContact::News::silent:
            log::warning("another member is asked in vain: " + lack->what, {{"member", member}, {"hint", lack->hint}});
            break;
        case MemberContact::News::answers:
            log::info("another member that was asked in vain answers again", {{"member", member}});
            break;
    }
    changed();
}

// Somebody else may decide by what this standby holds: the primary is silent, or another one was named.
bool Instance::unsettled() const {
    if (!membership_) return false;
    const auto& right = membership_->right();
    if (is_primary(right)) return synchronous_.taken_over() != right.record.synchronous.version;
    if (!settings_.postgresql.replication.stream) return false;  // nobody decides by it
    const auto& server = monitor_.facts().server;
    const bool promised = right.promised_until && outside_.clock.now() < *right.promised_until;
    return !promised || !server || !server->lsn.streaming || right.record.data_term != right.record.term;
}

void Instance::note_position() {
    if (const auto& end = performer_.shut_down()) {
        position_ = std::max(position_, Position{end->timeline, end->checkpoint});
        return;
    }
    const auto& server = monitor_.facts().server;
    if (server) {
        if (server->wal_read) wal_read_in_run_ = server->run;
        const auto& lsn = server->lsn;
        const Lsn furthest =
            std::max({lsn.flushed.value_or(Lsn{}), lsn.received.value_or(Lsn{}), lsn.replayed.value_or(Lsn{})});
        position_ = further(position_, Position{server->timeline, furthest});
        return;
    }
    const auto& inspection = performer_.inspection();
    if (!inspection || !inspection->usable || instance::has_postmaster(supervisor_.state())) return;
    const auto& control = inspection->usable->control;
    position_ = std::max(position_, Position{timeline_of(*inspection->usable),
                                             std::max(control.checkpoint, control.min_recovery_point)});
}

instance::Local Instance::local() {
    std::ignore = status();
    instance::Local it;
    const auto& state = supervisor_.state();
    const auto& inspection = performer_.inspection();
    const bool usable =
        inspection && inspection->usable && !std::holds_alternative<instance::Rejoining>(state.activity);
    if (usable) {
        const bool primary = status_.role == Role::primary || inspection->usable->start == postgres::StartMode::primary;
        it.data = primary ? instance::Data::primary : instance::Data::standby;
    }
    it.timeline = position_.timeline;
    it.lsn = position_.lsn;
    it.fenced = state.desired.fence != instance::Fence::off;
    it.ending = state.desired.end.has_value();
    return it;
}

// A standby that was not shut down holds all that it had received, and knows how much when it has replayed it.
std::optional<Duration> Instance::reach_age(Instant now) const {
    const auto& facts = monitor_.facts();
    if (performer_.shut_down()) return Duration{};
    if (facts.server_asked_at) {
        const bool read = facts.server && facts.server->run == wal_read_in_run_;
        return read ? std::optional(now - *facts.server_asked_at + text_age) : std::nullopt;
    }
    const auto& inspection = performer_.inspection();
    // Who never held anything knows that: else nobody takes over from a first primary that is lost before it serves.
    const bool nothing = inspection && inspection->verdict == instance::VolumeVerdict::empty;
    if (nothing && !membership_->stored().system_id) return Duration{};
    const bool at_rest = performer_.is_as_inspected() && inspection->usable;
    return at_rest && is_clean(inspection->usable->control.state) ? std::optional(Duration{}) : std::nullopt;
}

void Instance::add_managed(InstanceStatus& status, Instant now) {
    const auto& right = membership_->right();
    const AgentRecord& stored = membership_->stored();
    const auto& state = supervisor_.state();
    status.term = stored.term;
    status.valid_until = stop_by(right);
    status.synchronous = status.role == Role::standby && status.lsn.streaming && counted_.holds(now);
    ManagedStatus managed;
    managed.accepted = stored.accepted;
    managed.first_term = stored.first_term;
    managed.primary = stored.primary;
    const auto upstream = membership_->named_upstream();
    managed.upstream = upstream ? upstream->conninfo : std::string();
    managed.leads_standbys = upstream && upstream->name == source_name;
    if (settings_.postgresql.apply_delay > Duration::zero()) managed.apply_delay = settings_.postgresql.apply_delay;
    const auto* running = std::get_if<instance::Running>(&state.activity);
    const bool answers = status.facts_at && !status.postgres.silent_since;
    const bool disks = std::ranges::none_of(status.volumes, [](const auto& it) { return it.hangs_since || it.error; });
    const auto& limit = settings_.monitor.exhausted_connections;
    const auto& exhausted = status.postgres.exhausted_since;
    const bool takes_clients = limit == Duration::zero() || !exhausted || now - *exhausted < limit;
    // Clients are served on while a checkpoint shortens the stop that comes.
    const bool checkpoints = std::holds_alternative<instance::Checkpointing>(state.activity);
    const bool primary =
        (running != nullptr && running->role == Role::primary) || (checkpoints && status.role == Role::primary);
    managed.serving = primary && may_write(right, now) && answers && disks && !takes_no_data(status) && takes_clients;
    managed.holds_clients = primary && performer_.holds_clients();
    managed.stopped = instance::takes_no_writes(state) || performer_.shut_down();

    const auto& inspection = performer_.inspection();
    const bool usable = inspection && inspection->usable;
    const bool empty = inspection && inspection->verdict == instance::VolumeVerdict::empty && !stored.system_id;
    const bool failed = std::holds_alternative<instance::Failed>(state.activity);
    managed.ending = state.desired.end.has_value() && !checkpoints;
    managed.able = (usable || empty) && !failed && !status.fenced && !managed.ending && disks && !lacks_room(status) &&
                   settings_.postgresql.replication.stream;
    managed.reach = reach(right, position_.timeline, position_.lsn);
    managed.reach_age = reach_age(now);
    managed.promotable_version = stored.promotable.version;
    if (running != nullptr && running->role == Role::primary) managed.synchronous_version = synchronous_.taken_over();
    managed.promised_term = stored.term;
    if (right.promised_until && *right.promised_until > now) managed.promised_for = *right.promised_until - now;
    managed.bound_for = std::max(Duration::zero(), bound_until(right) - now);
    managed.silent = contact_.silent(now);
    status.managed = std::move(managed);
    if (!membership_->unreadable().empty()) {
        status.reason = membership_->unreadable();
        status.hint = Membership::hint_to_read;
        status.ready_reason = status.reason;
    } else if (state.desired.part == instance::Part::unknown) {
        status.reason = "no controller has said yet who is the primary";
        status.hint = "pgbosun-controller status shows what it waits for";
    } else if (status.phase == Phase::isolated) {
        status.reason =
            "it has no right to write now: neither its controller nor all members of its promotable list answer";
        status.hint = "it goes on by itself when they do; check the network and pgbosun-controller status";
    } else if (status.phase == Phase::running && status.role == Role::standby && performer_.followed().empty() &&
               status.reason.empty()) {
        status.reason = performer_.reason();
        status.hint = performer_.hint();
    }
}

Task<RightAnswer> Instance::assign(Assignment assignment) {
    if (!membership_) {
        co_return RightAnswer{Answer::refused, "this instance is its own authority", "set mode: managed", {}, {}};
    }
    auto answer = co_await membership_->receive(std::move(assignment));
    monitor_.look();
    co_return answer;
}

Task<RightAnswer> Instance::promise(PromiseRequest request) {
    if (!membership_) {
        co_return RightAnswer{Answer::refused, "this instance is its own authority", "set mode: managed", {}, {}};
    }
    co_return co_await membership_->promise(std::move(request));
}

Task<Result<>> Instance::losing_data() {
    position_ = Position{};
    old_data_looked_for_ = false;
    awaits_since_.reset();
    archive_end_at_.reset();
    co_return co_await membership_->losing_data();
}

bool Instance::is_promoted_by_hand(const instance::InstanceState& before, const instance::Event& event) const {
    const auto* accepting = std::get_if<instance::Accepting>(&event);
    const auto* was = std::get_if<instance::Running>(&before.activity);
    return membership_ && membership_->part() == instance::Part::standby && accepting != nullptr &&
           accepting->role == Role::primary && was != nullptr && was->role == Role::standby;
}

// Its timeline is the newest, and of no primary: whoever compared it with the others would take it for the furthest.
Task<> Instance::promoted_by_hand() {
    log::warning("somebody has promoted this standby by hand: it is stopped, and brought in step with the primary",
                 {{"hint", "pgbosun-controller failover --to promotes one"}});
    journal_.record("cluster", "promoted by hand: its data counts as of no term", {});
    for (;;) {
        const auto lost = co_await losing_data();
        if (lost) break;
        co_await pause(outside_.loop, pace);
    }
    changed();
}

Task<> Instance::accompany() {
    Broadcast nobody(outside_.loop);
    for (;;) {
        const auto* running = std::get_if<instance::Running>(&supervisor_.state().activity);
        const bool standby = running != nullptr && running->role == Role::standby;
        const bool primary = running != nullptr && running->role == Role::primary;
        watch_restored_clone();
        serve_source_archive();
        if (standby && membership_->part() == instance::Part::standby) co_await accompany_standby();
        // What it has written since is in no old data.
        if (primary && membership_->part() == instance::Part::primary) forget_old_data();
        const auto& server = monitor_.facts().server;
        if (server && !membership_->stored().system_id)
            std::ignore = co_await membership_->note_system(server->system_id);
        co_await nobody.wait(pace);
    }
}

// Also called at each change of what is known.
void Instance::accompany_primary() {
    const auto* running = std::get_if<instance::Running>(&supervisor_.state().activity);
    const AgentRecord& record = membership_->stored();
    const std::string value = synchronous_value(record.synchronous, record.instance);
    const bool news = performer_.synchronous() != value;
    if (news) performer_.set_synchronous(value);
    const std::string confirming = slots_to_confirm();
    const bool other_slots = performer_.confirming_slots() != confirming;
    if (other_slots) performer_.set_confirming_slots(confirming);
    if (running == nullptr || running->role != Role::primary) {
        synchronous_.forget();
        return;
    }
    if (news || other_slots) performer_.perform(instance::Reload{});
    if (const auto& server = monitor_.facts().server) synchronous_.look(record.synchronous, record.instance, *server);
    if (!performer_.holds_clients() || synchronous_.taken_over() != record.synchronous.version) return;
    performer_.admit_clients();
    performer_.perform(instance::Reload{});
}

}  // namespace pgbosun::supervision
