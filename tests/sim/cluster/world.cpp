#include "world.hpp"

#include <algorithm>
#include <utility>

#include "simulated_agent.hpp"
#include "simulated_controller.hpp"
#include "simulated_record.hpp"

namespace pgbosun::sim {
namespace {

// After the last fault: one primary and all others behind it, within this.
constexpr Duration bound = std::chrono::seconds(60);
constexpr Duration steady = std::chrono::seconds(2);
constexpr Duration between_looks = std::chrono::milliseconds(400);
constexpr Duration between_words = std::chrono::seconds(1);
constexpr std::size_t longest_history = 6000;

}  // namespace

SimulatedClock::SimulatedClock(Random random)
    : offset_(random.between(1'000, 100'000) * 1'000'000'000), drift_ppm_(random.between(-10'000, 10'000)) {
    if (random.chance(700)) drift_ppm_ = random.chance(500) ? 10'000 : -10'000;
}

Instant SimulatedClock::local(Duration truth) const {
    return Instant(Duration(offset_ + truth.count() + truth.count() / 1'000'000 * drift_ppm_));
}

Duration SimulatedClock::truth(Instant moment) const {
    const std::int64_t shown = moment.time_since_epoch().count() - offset_;
    Duration guess(shown / (1'000'000 + drift_ppm_) * 1'000'000);
    while (local(guess) < moment) guess += std::chrono::microseconds(1);
    return guess;
}

World::World(Schedule schedule, Sabotage sabotage, bool keeps_history)
    : schedule_(std::move(schedule)), sabotage_(sabotage), keeps_history_(keeps_history) {
    const auto nodes = static_cast<std::size_t>(record_node() + 1);
    cut_.assign(nodes * nodes, 0);
    sent_.assign(nodes * nodes, 0);
    record_ = std::make_unique<SimulatedRecord>(*this);
    for (int node = 0; node < setting().instances; ++node) {
        agents_.push_back(std::make_unique<SimulatedAgent>(*this, node));
    }
    for (int node = setting().instances; node < record_node(); ++node) {
        controllers_.push_back(std::make_unique<SimulatedController>(*this, node));
    }
}

World::~World() = default;

void World::after(Duration wait, Happening happening) {
    due_.push(Event{now_ + std::max(wait, Duration(1)), ++events_, std::move(happening)});
}

void World::send(int from, int to, Happening happening) {
    const auto link = static_cast<std::size_t>(from * (record_node() + 1) + to);
    const auto number = ++sent_[link];
    if (cut_[link] > 0) return;
    Random random(setting().seed, (link + 100) * 1'000'000 + number);
    // The record's engine speaks TCP to its clients: what is lost there is lost in both ways, and rarely.
    if (random.chance(static_cast<std::uint64_t>(setting().loss))) return;
    const bool twice = random.chance(static_cast<std::uint64_t>(setting().twice)) && to != record_node();
    const auto deliver = [&] {
        Duration delay = std::chrono::microseconds(random.between(200, setting().brisk      ? 300
                                                                       : random.chance(600) ? 2000
                                                                                            : 15'000));
        if (random.chance(static_cast<std::uint64_t>(setting().late))) delay = ms(random.between(20, 9000));
        after(delay, [this, link, happening] {
            if (cut_[link] == 0) happening();
        });
    };
    deliver();
    if (twice) deliver();
}

SimulatedAgent* World::agent(const std::string& name) {
    for (const auto& it : agents_) {
        if (it->name() == name) return it.get();
    }
    return nullptr;
}

void World::note(int node, const std::function<std::string()>& what) {
    if (!keeps_history_ || history_.size() >= longest_history) return;
    const auto micros = now_.count() / 1000;
    std::string text =
        std::to_string(micros / 1'000'000) + "." + std::to_string(1'000'000 + micros % 1'000'000).substr(1);
    std::string who = node < setting().instances ? "pg-" + std::to_string(node)
                      : node < record_node()     ? "controller-" + std::to_string(node - setting().instances)
                                                 : "record";
    history_.push_back(text + " " + who + ": " + what());
}

void World::must(bool holds, const std::function<std::string()>& rule) {
    if (holds || violation_) return;
    violation_ = rule();
    note(record_node(), [&] { return "VIOLATION: " + *violation_; });
}

void World::became_writer(int node) {
    SimulatedAgent& writer = agent(node);
    for (const auto& other : agents_) {
        if (other.get() == &writer) continue;
        must(!other->takes_writes(), [&] { return writer.name() + " and " + other->name() + " take writes together"; });
    }
    for (const auto& [branch, position] : unreplicated_) {
        must(writer.wal().contains(branch, position), [&] {
            return writer.name() + " lacks what was acknowledged asynchronously, on branch " + std::to_string(branch) +
                   " at " + std::to_string(position);
        });
    }
    for (const auto& [branch, position] : acknowledged_) {
        must(writer.wal().contains(branch, position), [&] {
            return writer.name() + " lacks what was acknowledged on branch " + std::to_string(branch) + " at " +
                   std::to_string(position);
        });
    }
    ++changes_;
}

void World::acknowledged(int node, Replication replication, int branch, std::uint64_t position) {
    ++acknowledgements_;
    const auto& record = record_->now().record;
    const auto& name = agent(node).name();
    const bool replaced = record.primary != name && record.handed_by != name;
    // It goes on for a moment after an operator has accepted the loss of what it does.
    if (replaced && record.data_loss == controller::DataLoss::accepted) return;
    if (replication == Replication::asynchronous && replaced) return;
    auto& last = (replication == Replication::synchronous ? acknowledged_ : unreplicated_)[branch];
    last = std::max(last, position);
}

void World::failed_over() {
    if (!setting().kept) return unreplicated_.clear();
    const Wal& spare = agent(setting().spare).wal();
    for (auto& [branch, position] : unreplicated_) {
        while (position > 0 && !spare.contains(branch, position)) --position;
    }
    std::erase_if(unreplicated_, [](const auto& it) { return it.second == 0; });
}

void World::forced() {
    acknowledged_.clear();
    unreplicated_.clear();
}

void World::set_cut(int from, int to, int change) {
    if (from != to) cut_[static_cast<std::size_t>(from * (record_node() + 1) + to)] += change;
}

void World::happen(const Fault& fault) {
    const Duration length = ms(fault.length_ms);
    const auto during = [&](std::function<void(int)> change) {
        change(1);
        after(length, [change = std::move(change)] { change(-1); });
    };
    const auto controller = [&] {
        return controllers_[static_cast<std::size_t>(fault.who - setting().instances)].get();
    };
    note(fault.who, [&] {
        std::string text = to_text(Schedule{{}, {fault}});
        text.pop_back();
        return "FAULT " + text.substr(text.find('\n') + 1);
    });
    switch (fault.kind) {
        case FaultKind::kill_postgres: agent(fault.who).kill_postgres(); return;
        case FaultKind::stop_agent: during([it = &agent(fault.who)](int by) { it->stop_agent(by); }); return;
        case FaultKind::freeze_pod: during([it = &agent(fault.who)](int by) { it->freeze(by); }); return;
        case FaultKind::restart_agent:
            agent(fault.who).go_down();
            after(length, [it = &agent(fault.who)] { it->come_up(); });
            return;
        case FaultKind::lose_volume:
            if (fault.whom % 2 == 0 && !all_hold_data_of(record_->now().record.term)) return;
            agent(fault.who).go_down();
            agent(fault.who).lose_volume();
            for (const auto& it : agents_) it->forget_standby(agent(fault.who).name());
            after(length, [it = &agent(fault.who)] { it->come_up(); });
            return;
        case FaultKind::end_agent:
            agent(fault.who).ask_to_end();
            after(length / 2, [it = &agent(fault.who)] { it->go_down(); });
            after(length, [it = &agent(fault.who)] { it->come_up(); });
            return;
        case FaultKind::cut: during([this, fault](int by) { set_cut(fault.who, fault.whom, by); }); return;
        case FaultKind::isolate:
            during([this, fault](int by) {
                for (int other = 0; other <= record_node(); ++other) {
                    set_cut(fault.who, other, by);
                    set_cut(other, fault.who, by);
                }
            });
            return;
        case FaultKind::cut_control:
            during([this, who = fault.who](int by) {
                for (int other = setting().instances; other < record_node(); ++other) {
                    set_cut(who, other, by);
                    set_cut(other, who, by);
                }
            });
            return;
        case FaultKind::cut_peers:
            during([this, who = fault.who](int by) {
                for (int other = 0; other < setting().instances; ++other) {
                    set_cut(who, other, by);
                    set_cut(other, who, by);
                }
            });
            return;
        case FaultKind::split:
            during([this, side = fault.whom](int by) {
                for (int one = 0; one <= record_node(); ++one) {
                    for (int other = 0; other <= record_node(); ++other) {
                        if (((side >> one) & 1) != ((side >> other) & 1)) set_cut(one, other, by);
                    }
                }
            });
            return;
        case FaultKind::stop_controller: during([it = controller()](int by) { it->stop(by); }); return;
        case FaultKind::restart_controller: during([it = controller()](int by) { it->go_down(by); }); return;
        case FaultKind::record_down: during([this](int by) { record_->set_down(by); }); return;
        case FaultKind::record_slow: during([this](int by) { record_->set_slow(by); }); return;
        case FaultKind::slow_disk: during([it = &agent(fault.who)](int by) { it->set_slow_disk(by); }); return;
        case FaultKind::switchover:
            for (const auto& it : controllers_) it->want(agent(fault.who).name(), controller::DataLoss::refused);
            return;
        case FaultKind::force:
            for (const auto& it : controllers_) it->want(agent(fault.who).name(), controller::DataLoss::accepted);
            return;
        case FaultKind::deny_serving: during([it = &agent(fault.who)](int by) { it->deny_serving(by); }); return;
        case FaultKind::pause:
            during([this](int by) {
                pauses_ += by;
                if (!std::exchange(sees_to_pause_, true)) see_to_pause();
            });
            return;
        case FaultKind::short_lease: during([it = controller()](int by) { it->set_short_lease(by); }); return;
        case FaultKind::stall_receiver: during([it = &agent(fault.who)](int by) { it->stall_receiver(by); }); return;
        case FaultKind::drop_member:
            for (std::size_t index = 0; index < controllers_.size(); ++index) {
                const Duration later = ms(fault.whom) * index;
                const auto change = [it = controllers_[index].get(), who = fault.who](int by) {
                    it->drop_member(who, by);
                };
                after(later, [change] { change(1); });
                after(later + length, [change] { change(-1); });
            }
            return;
        case FaultKind::old_record: put_old_record(fault); return;
        case FaultKind::fence: during([it = &agent(fault.who)](int by) { it->set_fence(by); }); return;
    }
}

bool World::all_have_heard_of(std::uint64_t term) const {
    return std::ranges::all_of(agents_, [&](const auto& it) { return it->term_on_disk() == term; });
}

bool World::all_hold_data_of(std::uint64_t term) const {
    return std::ranges::all_of(agents_, [&](const auto& it) { return it->holds_data_of(term); });
}

void World::put_old_record(const Fault& fault) {
    record_->put_back_earlier(static_cast<std::uint64_t>(fault.who) + 1);
    after(ms(fault.length_ms), [this, whom = fault.whom] {
        if (whom % 2 == 0) record_->put_back_newest();
        have_record_renewed();
    });
}

// The same: what was asked for is in the record, whichever that is, and stays so: an earlier order may be written late.
void World::see_to_pause() {
    const bool wanted = pauses_ > 0;
    if (record_->now().record.paused != wanted) {
        for (const auto& it : controllers_) it->set_paused(wanted);
    }
    after(between_words, [this] { see_to_pause(); });
}

// Somebody asks until a controller takes it.
void World::have_record_renewed() {
    if (!record_->is_old()) {
        if (!std::exchange(sees_to_pause_, true)) see_to_pause();
        return;
    }
    for (const auto& it : controllers_) it->renew_record();
    after(between_words, [this] { have_record_renewed(); });
}

std::optional<std::string> World::unhealthy() {
    SimulatedAgent* primary = nullptr;
    for (const auto& it : agents_) {
        if (!it->takes_writes()) continue;
        if (primary != nullptr) return "two primaries";
        primary = it.get();
    }
    if (primary == nullptr) return "no primary";
    if (record_->now().record.primary != primary->name()) return "the primary is not the recorded one";
    for (const auto& it : agents_) {
        if (it.get() != primary && !it->follows(*primary)) return it->name() + " does not follow";
    }
    return std::nullopt;
}

void World::step() {
    Event event = due_.top();
    due_.pop();
    now_ = event.at;
    event.happening();
}

void World::run() {
    Duration faults_end = ms(setting().faults_end_ms);
    for (const auto& fault : schedule_.faults) {
        faults_end = std::max(faults_end, ms(fault.at_ms + fault.length_ms));
        after(ms(fault.at_ms), [this, fault] { happen(fault); });
    }
    while (!violation_ && now_ < faults_end && !due_.empty()) step();
    schedule_.setting.loss = schedule_.setting.twice = schedule_.setting.late = 0;
    note(record_node(), [] { return std::string("the faults have ended"); });
    std::optional<std::string> why = "not looked yet";
    Duration healthy_since = now_;
    std::uint64_t acknowledged_then = acknowledgements_;
    Duration look = now_;
    while (!violation_ && now_ < faults_end + bound) {
        while (!violation_ && now_ < look && !due_.empty()) step();
        look = now_ + between_looks;
        why = unhealthy();
        if (why) {
            healthy_since = now_;
            acknowledged_then = acknowledgements_;
        } else if (now_ - healthy_since >= steady && acknowledgements_ > acknowledged_then) {
            return;
        }
    }
    must(false, [&] {
        return "after " + std::to_string(bound.count() / 1'000'000'000) +
               " s without faults: " + why.value_or("nothing is acknowledged");
    });
}

}  // namespace pgbosun::sim
