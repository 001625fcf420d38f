#include "simulated_agent.hpp"

#include <algorithm>
#include <utility>

#include "instance/synchronous.hpp"

namespace pgbosun::sim {
namespace {

constexpr Duration between_ticks = std::chrono::milliseconds(500);
constexpr Duration between_writes = std::chrono::milliseconds(200);
// PID 1 begins the immediate stop so much before its right ends.
constexpr Duration stop_margin = std::chrono::milliseconds(100);
constexpr Duration longest_comparison = std::chrono::seconds(5);
constexpr Duration connection_lasts = std::chrono::milliseconds(1500);

std::string conninfo_of(const std::string& name) { return name.empty() ? "" : "host=" + name; }

}  // namespace

SimulatedAgent::SimulatedAgent(World& world, int node)
    : world_(world), node_(node), name_("pg-" + std::to_string(node)),
      random_(world.setting().seed, 1000 + static_cast<std::uint64_t>(node)),
      clock_(Random(world.setting().seed, 2000 + static_cast<std::uint64_t>(node))) {
    disk_.cluster = "orders";
    disk_.instance = name_;
    wal_.legs = {Leg{0, 0}};
    wal_.end = 10;
    primary_data_ = node == 0;
    down_ = 1;
    come_up();
}

void SimulatedAgent::come_up() {
    if (--down_ > 0) return;
    ++life_;
    // Its container may have been put on another machine, which shows another time.
    if (life_ > 2 && random_.chance(400)) clock_.move(random_.between(-6000, 6000));
    up_ = true;
    if (world_.without(Sabotage::term_on_disk)) {
        disk_.term = std::min(disk_.term, Term{1});
        disk_.accepted = 0;
        disk_.primary.clear();
    }
    look();
    adopt(instance::recalled(disk_, name_ + "." + std::to_string(life_), simulated_ttl, clock()));
    if (world_.without(Sabotage::clock_margin)) right_.up_since -= simulated_ttl / 20;
    if (world_.without(Sabotage::restart_wait)) right_.up_since -= std::chrono::hours(1);
    world_.after(ms(draw(1, 500)), [this, life = life_] { tick(life); });
    world_.after(ms(draw(1, 200)), [this, life = life_] { postgres_tick(life); });
}

void SimulatedAgent::go_down() {
    ++down_;
    ending_ = false;
    if (!up_) return;
    up_ = false;
    ++life_;
    inbox_.clear();
    storing_ = false;
    connected_.clear();
    upstream_.clear();
    streamed_at_.reset();
    enter(Postgres::down);
}

void SimulatedAgent::lose_volume() {
    disk_ = {};
    disk_.cluster = "orders";
    disk_.instance = name_;
    wal_ = {};
    primary_data_ = false;
    torn_ = true;
    streamed_term_ = 0;
}

void SimulatedAgent::kill_postgres() {
    if (!up_ || postgres_ == Postgres::down || postgres_ == Postgres::rejoining) return;
    enter(Postgres::down);
    if (random_.chance(400)) {
        // It has crashed before: its agent waits before it starts it again.
        starting_ = true;
        world_.after(ms(draw(300, 6000)), [this, life = life_, number = postgres_number_] {
            if (life != life_ || number != postgres_number_) return;
            starting_ = false;
            work_inbox();
        });
    }
    work_inbox();
}

void SimulatedAgent::stop_agent(int change) {
    stopped_ += change;
    work_inbox();
}

void SimulatedAgent::freeze(int change) {
    const bool took_writes = takes_writes();
    frozen_ += change;
    if (frozen_ > 0) return;
    guard();
    if (takes_writes() && !took_writes) world_.became_writer(node_);
    work_inbox();
}

void SimulatedAgent::stall_receiver(int change) {
    stalled_ += change;
    while (stalled_ == 0 && !stalled_wal_.empty()) {
        const Happening next = std::move(stalled_wal_.front());
        stalled_wal_.pop_front();
        next();
    }
}

void SimulatedAgent::set_fence(int change) {
    fence_ += change;
    work_inbox();
}

void SimulatedAgent::ask_to_end() {
    if (!up_) return;
    ending_ = true;
    work_inbox();
}

void SimulatedAgent::inbox(Happening happening) {
    if (!up_) return;
    inbox_.push_back(std::move(happening));
    work_inbox();
}

void SimulatedAgent::work_inbox() {
    while (agent_runs() && !storing_ && !inbox_.empty()) {
        const Happening next = std::move(inbox_.front());
        inbox_.pop_front();
        next();
    }
    if (agent_runs()) step();
}

// The next message waits until it is on the disk; a process that is stopped meanwhile goes on from there.
void SimulatedAgent::store(Happening then) {
    storing_ = true;
    const Duration takes = slow_disk_ > 0 ? ms(draw(100, 3000))
                                          : std::chrono::microseconds(draw(200, world_.setting().brisk ? 300
                                                                                : random_.chance(600)  ? 2000
                                                                                                       : 15'000));
    world_.after(takes, [this, life = life_, record = right_.record, then = std::move(then)] {
        if (life != life_) return;
        world_.must(record.term >= disk_.term || world_.without(Sabotage::old_terms_refused),
                    [&] { return name_ + " goes back to an older term"; });
        disk_ = record;
        inbox_.push_front([then] {
            if (then) then();
        });
        storing_ = false;
        work_inbox();
    });
}

void SimulatedAgent::adopt(instance::Right right) {
    right_ = std::move(right);
    watch_right();
}

void SimulatedAgent::watch_right() {
    auto until = instance::stop_by(right_);
    if (until == guarded_until_) return;
    guarded_until_ = until;
    if (!until || *until == Instant::max()) return;
    for (const Instant due : {*until - stop_margin, *until}) {
        const Duration when = clock_.truth(due);
        if (when < world_.now()) continue;
        world_.after(when - world_.now(), [this, life = life_] {
            if (life != life_) return;
            guard();
            work_inbox();
        });
    }
}

bool SimulatedAgent::writes_sometime() const {
    return postgres_ == Postgres::starting_primary || postgres_ == Postgres::promoting ||
           postgres_ == Postgres::primary || postgres_ == Postgres::closing;
}

void SimulatedAgent::guard() {
    if (!postgres_runs() || !writes_sometime()) return;
    if (guarded_until_ && clock() < *guarded_until_) return;
    if (world_.without(Sabotage::guard) || (world_.without(Sabotage::isolation) && is_primary(right_))) return;
    world_.note(node_, [] { return std::string("the guard kills postgres"); });
    enter(Postgres::down);
}

void SimulatedAgent::step() {
    if (postgres_ == Postgres::standby || postgres_ == Postgres::rejoining) {
        // Who is to be primary streams on until it is.
        const auto& record = right_.record;
        if (record.primary != name_) {
            cascades_ = postgres_ == Postgres::standby && !record.upstream.empty();
            upstream_ = cascades_ ? record.upstream : record.primary;
        }
    }
    const bool primary = is_primary(right_);
    const bool rests = fence_ > 0 || ending_;
    bool may = primary && !rests && may_write(right_, clock() + stop_margin);
    if (primary && !rests && world_.without(Sabotage::isolation)) may = true;
    if (postgres_ == Postgres::primary && !may) {
        world_.note(node_, [&] { return std::string(primary && !rests ? "is isolated" : "closes"); });
        if (primary && !rests) {
            // The worst case: it takes commits until the stop is over.
            if (!stopping_) enter_later(Postgres::down, 5, 60);
            stopping_ = true;
        } else {
            enter(Postgres::closing);
            ++wal_.end;
            for (const auto& [standby, asked_at] : connected_) push(standby);
            enter_later(Postgres::down, 20, 150, [this] { closed_ = true; });
        }
        return;
    }
    if ((postgres_ == Postgres::starting_primary || postgres_ == Postgres::promoting) && !may) enter(Postgres::down);
    if (postgres_ == Postgres::standby && rests) enter(Postgres::down);
    if (storing_ || rests) return;
    if (postgres_ == Postgres::standby && may) {
        rule_ = right_.record.synchronous;
        enter(Postgres::promoting);
        enter_later(Postgres::primary, 1, world_.setting().brisk ? 3 : 200, [this] {
            wal_.legs.push_back({world_.new_branch(), wal_.end});
            ++wal_.end;
            ++wal_.timeline;
            primary_data_ = true;
        });
    }
    if (postgres_ != Postgres::down || right_.record.term == 0 || starting_) return;
    if (shut_down_ && !primary && awaits_primary()) return;
    starting_ = true;
    if (torn_) {
        enter(Postgres::rejoining);
    } else if (primary && primary_data_) {
        starting_ = false;
        if (!may) return;
        rule_ = right_.record.synchronous;
        enter(Postgres::starting_primary);
        enter_later(Postgres::primary, 80, 400, [this] { ++wal_.end; });
    } else if (!primary) {
        primary_data_ = false;
        enter(Postgres::starting_standby);
        enter_later(Postgres::standby, 50, 250);
    } else {
        enter(Postgres::starting_standby);
        enter_later(Postgres::standby, 50, 250);
    }
}

// Data is compared with the primary's before it comes up, for so long as one may be expected.
bool SimulatedAgent::awaits_primary() const {
    SimulatedAgent* primary = world_.agent(right_.record.primary);
    return primary != nullptr && primary != this && !primary->takes_writes() &&
           world_.now() - shut_down_at_ < longest_comparison;
}

void SimulatedAgent::enter(Postgres state) {
    ++postgres_number_;
    postgres_ = state;
    stopping_ = starting_ = false;
    shut_down_ = std::exchange(closed_, false);
    wal_read_ = state == Postgres::standby || (writes_sometime() && state != Postgres::starting_primary);
    if (shut_down_) look();
    if (shut_down_) shut_down_at_ = world_.now();
    if (state == Postgres::primary) {
        upstream_.clear();
        flushed_.clear();
        rule_since_ = wal_.end;
        world_.note(node_, [&] {
            return "takes writes, term " + std::to_string(right_.record.term) + ", branch " +
                   std::to_string(wal_.legs.back().branch) + " at " + std::to_string(wal_.end);
        });
        world_.became_writer(node_);
    }
    if (state == Postgres::down) streamed_at_.reset();
    if (state == Postgres::down || state == Postgres::rejoining) compared_with_.clear();
}

void SimulatedAgent::enter_later(Postgres state, std::int64_t least_ms, std::int64_t most_ms, Happening then) {
    const auto number = ++postgres_number_;
    later(ms(draw(least_ms, most_ms)), number, state, std::move(then));
}

void SimulatedAgent::later(Duration wait, std::uint64_t number, Postgres state, Happening then) {
    world_.after(wait, [this, number, state, life = life_, then = std::move(then)] {
        if (life != life_ || number != postgres_number_) return;
        if (frozen_ > 0) {
            later(ms(20), number, state, then);
            return;
        }
        if (then) then();
        enter(state);
        guard();
        work_inbox();
    });
}

void SimulatedAgent::tick(std::uint64_t life) {
    if (life != life_ || !up_) return;
    world_.after(between_ticks, [this, life] { tick(life); });
    if (!agent_runs()) return;
    look();
    if (storing_) return;
    if (takes_writes() && rule_.version != right_.record.synchronous.version) set_rule();
    if (const auto request = instance::ask_promise(right_, clock())) {
        for (const auto& name : right_.record.promotable.names) {
            SimulatedAgent* member = world_.agent(name);
            world_.send(node_, member->node_,
                        [member, from = node_, request = *request] { member->asked_to_promise(from, request); });
        }
    }
    work_inbox();
}

void SimulatedAgent::look() { looked_ = {Timeline{wal_.timeline}, Lsn{wal_.end}, clock()}; }

void SimulatedAgent::set_rule() {
    world_.after(ms(draw(5, 60)), [this, life = life_, number = postgres_number_, rule = right_.record.synchronous] {
        if (life != life_ || number != postgres_number_ || !takes_writes()) return;
        rule_ = rule;
        rule_since_ = wal_.end;
        acknowledge();
    });
}

// Clients, and WAL that streams.
void SimulatedAgent::postgres_tick(std::uint64_t life) {
    if (life != life_ || !up_) return;
    world_.after(between_writes, [this, life] { postgres_tick(life); });
    if (frozen_ > 0) return;
    if (takes_writes()) {
        wal_.end += static_cast<std::uint64_t>(draw(1, 3));
        acknowledge();
        std::erase_if(connected_, [&](const auto& it) { return world_.now() - it.second > connection_lasts; });
        for (const auto& [standby, asked_at] : connected_) push(standby);
        return;
    }
    if (postgres_ != Postgres::standby && postgres_ != Postgres::rejoining) return;
    SimulatedAgent* upstream = upstream_.empty() ? nullptr : world_.agent(upstream_);
    if (upstream == nullptr) return;
    const bool streams = streamed_at_ && world_.now() - *streamed_at_ < between_writes * 2;
    if (streams && random_.chance(700)) return;
    world_.send(node_, upstream->node_, [upstream, from = node_] { upstream->asked_for_wal(from); });
}

bool SimulatedAgent::follows(const SimulatedAgent& primary) const {
    const bool lately = streamed_at_ && world_.now() - *streamed_at_ < std::chrono::seconds(3);
    return postgres_runs() && postgres_ == Postgres::standby && lately && wal_.is_prefix_of(primary.wal_);
}

controller::Report SimulatedAgent::report() const {
    controller::Report it;
    const auto& record = right_.record;
    it.instance = name_;
    it.cluster = "orders";
    it.echo = {right_.boot_id, clock()};
    it.term = record.term;
    it.accepted = record.accepted;
    it.first_term = world_.without(Sabotage::first_term) ? 1 : record.first_term;
    it.primary = record.primary;
    it.upstream = conninfo_of(record.upstream.empty() ? record.primary : record.upstream);
    it.serving = takes_writes() && may_write(right_, clock()) && denies_ == 0;
    it.stopped = !writes_sometime();
    it.fenced = fence_ > 0;
    // An empty volume could be made a database.
    const bool makes_anew = torn_ && wal_.empty();
    it.able = !ending_ && (makes_anew || (!torn_ && postgres_ != Postgres::rejoining));
    it.ending = ending_;
    it.streaming =
        postgres_ == Postgres::standby && streamed_at_ && world_.now() - *streamed_at_ < std::chrono::seconds(1);
    if (takes_writes()) {
        auto& standbys = it.standbys.emplace();
        for (const auto& [node, asked_at] : connected_) standbys.push_back(world_.agent(node).name_);
    }
    it.runs_as_standby = postgres_ == Postgres::standby;
    it.reach = reach(right_, looked_.timeline, looked_.end);
    const bool exact = shut_down_ || world_.without(Sabotage::reach_age);
    if (!exact) it.reach_age = clock() - looked_.at;
    if (!wal_read_ && !shut_down_ && !world_.without(Sabotage::reach_age)) {
        it.reach.lsn = Lsn{};
        it.reach_age.reset();
        if (world_.without(Sabotage::unread_wal)) it.reach_age = Duration{};
    }
    if (world_.without(Sabotage::data_term) && it.reach.term != record.term) it.reach.term = 0;
    const bool unheard = it.reach.term < streamed_term_;
    if (world_.without(Sabotage::unheard_terms) && unheard) it.reach = {it.reach.term, Timeline{1}, Lsn{}};
    if (!wal_.empty()) it.system_id = SystemId{7};
    it.promotable_version = record.promotable.version;
    std::map<std::string, Lsn> flushed = flushed_;
    const bool ready =
        takes_writes() && rule_.version == record.synchronous.version &&
        (instance::taken_over(rule_, name_, Lsn{rule_since_}, flushed) || world_.without(Sabotage::rule_taken_over));
    it.synchronous_version = ready ? rule_.version : UINT64_MAX;
    if (right_.promised_until && *right_.promised_until > clock()) it.promised_for = *right_.promised_until - clock();
    it.bound_for = std::max(Duration::zero(), bound_until(right_) - clock());
    if (world_.without(Sabotage::promise_honoured)) it.bound_for = Duration::zero();
    return it;
}

}  // namespace pgbosun::sim
