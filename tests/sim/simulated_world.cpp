#include "simulated_world.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace pgbosun::test {
namespace {

using namespace instance;
using namespace std::chrono_literals;

Policy policy() {
    Policy policy;
    policy.smart_timeout = 2s;
    policy.stop_timeout = 30s;
    policy.checkpoint_timeout = 5s;
    policy.restart_intensity = 5;
    policy.restart_period = 60s;
    return policy;
}

}  // namespace

SimulatedWorld::SimulatedWorld(std::uint64_t seed) : random_(seed) { begin_life(); }

void SimulatedWorld::must(bool holds, const std::string& rule) {
    if (!holds) violations_.push_back(rule);
}

void SimulatedWorld::begin_life() {
    ++life_;
    ended_ = false;
    due_.clear();
    supervisor_ = std::make_unique<supervision::Supervisor>(policy(), *this, *this, *this);
    history_.push_back("-- pgbosun begins");
    fence_wanted_ = disk_.fence;
    answer_later(1ms, 500ms, [this] { deliver(Begin{disk_.fence}); });
}

// kill -9 of the container: what is on the disk stays, and so may processes that are not in a PID namespace.
void SimulatedWorld::kill_everything() {
    history_.push_back("-- everything is killed");
    must(!fence_promised_ || disk_.fence, "a fence that was acknowledged survives a kill");
    if (tool_) disk_.unfinished = true;
    if (postmaster_ != 0) strays_ = true;
    postmaster_ = 0;
    tool_ = accepting_ = false;
    fence_promised_ = disk_.fence && fence_promised_;
    begin_life();
}

void SimulatedWorld::answer_later(Duration shortest, Duration longest, std::function<void()> happens) {
    const auto span = static_cast<std::uint64_t>((longest - shortest).count()) + 1;
    const Instant moment = now_ + shortest + Duration(static_cast<Duration::rep>(draw(span)));
    due_.emplace(moment, [this, life = life_, happens = std::move(happens)] {
        if (life == life_) happens();
    });
}

template <class Activity>
void SimulatedWorld::answer(Duration shortest, Duration longest, std::function<Event()> make) {
    answer_later(shortest, longest, [this, make = std::move(make)] {
        if (std::holds_alternative<Activity>(supervisor_->state().activity)) deliver(make());
    });
}

void SimulatedWorld::postmaster_dies() {
    if (postmaster_ == 0) return;
    postmaster_ = 0;
    accepting_ = false;
    strays_ = true;
    deliver(PostmasterExited{});
}

void SimulatedWorld::perform(const Action& action) {
    struct Perform {
        SimulatedWorld& it;
        void operator()(const InspectVolume&) const {
            it.answer<Inspecting>(1ms, 300ms, [&world = it]() -> Event {
                if (world.disk_.refused) return VolumeJudged{VolumeVerdict::refused};
                if (!world.quiet_ && world.chance(5)) return VolumeJudged{VolumeVerdict::unreadable};
                if (world.disk_.unfinished) return VolumeJudged{VolumeVerdict::unfinished};
                return VolumeJudged{world.disk_.data ? VolumeVerdict::usable : VolumeVerdict::empty};
            });
        }
        void operator()(const Bootstrap&) const {
            it.must(it.postmaster_ == 0 && !it.tool_, "a bootstrap begins with nothing running");
            it.must(!it.disk_.data || it.disk_.unfinished, "whole data is never bootstrapped over");
            it.tool_ = true;
            it.disk_.unfinished = true;
            it.answer_later(500ms, 20s, [&world = it] {
                if (!world.tool_) return;
                world.tool_ = false;
                const bool fails = !world.quiet_ && world.chance(20);
                if (!fails) {
                    world.disk_.data = true;
                    world.disk_.unfinished = false;
                }
                world.deliver(BootstrapEnded{fails ? BootstrapOutcome::failed : BootstrapOutcome::done});
            });
        }
        void operator()(const CancelBootstrap&) const {
            it.answer_later(1ms, 200ms, [&world = it] {
                if (!world.tool_) return;
                world.tool_ = false;
                world.deliver(BootstrapEnded{BootstrapOutcome::failed});
            });
        }
        void operator()(const Rejoin&) const { it.must(false, "a standalone instance rejoins nobody"); }
        void operator()(const CancelRejoin&) const { it.must(false, "a standalone instance rejoins nobody"); }
        void operator()(const FollowPrimary&) const { it.must(false, "a standalone instance is told of no primary"); }
        void operator()(const ClearStrays&) const {
            it.answer_later(1ms, 300ms, [&world = it] {
                world.strays_ = false;
                if (std::holds_alternative<Clearing>(world.supervisor_->state().activity)) world.deliver(StraysGone{});
            });
        }
        void operator()(const MarkStandby&) const {
            it.answer<MarkingStandby>(1ms, 50ms, [&world = it]() -> Event {
                world.disk_.standby = true;
                return StandbyMarked{};
            });
        }
        void operator()(const CheckRoom&) const {
            it.answer<CheckingRoom>(1ms, 50ms, [&world = it]() -> Event { return RoomFound{!world.disk_.full}; });
        }
        void operator()(const Launch&) const {
            it.must(it.postmaster_ == 0, "postgres is never started while one is alive");
            it.must(!it.strays_, "postgres is never started beside strays");
            it.must(!it.tool_, "postgres is never started while a tool works");
            it.must(!it.fence_wanted_, "postgres is never started when fenced");
            it.must(it.disk_.data && !it.disk_.unfinished, "postgres is never started on half-made data");
            it.postmaster_ = ++it.postmasters_;
            it.answer_later(20ms, 10s, [&world = it, number = it.postmaster_] {
                if (world.postmaster_ != number) return;
                world.accepting_ = true;
                world.deliver(Accepting{world.disk_.standby ? Role::standby : Role::primary});
            });
        }
        void operator()(const StopPostgres& order) const {
            it.must(it.postmaster_ != 0, "only a postmaster that exists is stopped");
            const bool hangs = !it.quiet_ && it.chance(20);
            if (hangs && order.mode != StopMode::immediate) return;
            const Duration longest = order.mode == StopMode::smart ? 60s : order.mode == StopMode::fast ? 3s : 100ms;
            it.answer_later(10ms, longest, [&world = it, number = it.postmaster_] {
                if (world.postmaster_ == number) world.postmaster_dies();
            });
        }
        void operator()(const KillPostgres&) const {
            it.answer_later(1ms, 10ms, [&world = it, number = it.postmaster_] {
                if (world.postmaster_ == number) world.postmaster_dies();
            });
        }
        void operator()(const Checkpoint&) const {
            if (!it.quiet_ && it.chance(20)) return;  // hangs
            it.answer_later(1ms, 8s, [&world = it] { world.deliver(CheckpointEnded{}); });
        }
        void operator()(const Promote&) const {
            if (!it.quiet_ && it.chance(20)) return;
            it.answer_later(20ms, 2s, [&world = it, number = it.postmaster_] {
                if (world.postmaster_ != number) return;
                world.disk_.standby = false;
                world.deliver(Accepting{Role::primary});
            });
        }
        void operator()(const Reload&) const {}
        void operator()(const StoreFence&) const {
            it.answer_later(1ms, 2s, [&world = it] {
                if (world.supervisor_->state().desired.fence != Fence::storing) return;
                world.disk_.fence = true;
                world.fence_promised_ = true;
                world.deliver(FenceStored{});
            });
        }
        void operator()(const RemoveFence&) const {
            it.answer_later(1ms, 2s, [&world = it] {
                if (world.supervisor_->state().desired.fence != Fence::removing) return;
                world.disk_.fence = false;
                world.fence_promised_ = false;
                world.deliver(FenceRemoved{});
            });
        }
        void operator()(const End&) const {
            it.must(it.postmaster_ == 0 && !it.tool_, "pgbosun never ends leaving anything behind");
            it.ended_ = true;
        }
    };
    std::visit(Perform{*this}, action);
}

void SimulatedWorld::saw(const InstanceState& before, const Event& event, const Decision& decision) {
    history_.push_back(std::string(name_of(before.activity)) + " --" + std::string(name_of(event)) + "--> " +
                       std::string(name_of(decision.state.activity)));
    fence_wanted_ = decision.state.desired.fence != Fence::off;
    must(has_postmaster(decision.state) == (postmaster_ != 0) ||
             std::any_of(decision.actions.begin(), decision.actions.end(),
                         [](const Action& action) { return std::holds_alternative<Launch>(action); }),
         "the state knows whether a postmaster exists");
}

void SimulatedWorld::one_fault_or_command() {
    switch (draw(14)) {
        case 0: postmaster_dies(); break;
        case 1: kill_everything(); break;
        case 2: disk_.full = !disk_.full; break;
        case 3: disk_.refused = chance(30); break;
        case 4: deliver(EndRequested{static_cast<StopMode>(draw(3))}); break;
        case 5: deliver(GuardLost{}); break;
        case 6:
        case 7: supervisor_->ask(Asked{Verb::fence}); break;
        case 8:
        case 9: supervisor_->ask(Asked{Verb::unfence}); break;
        case 10: supervisor_->ask(Asked{Verb::restart}); break;
        case 11: supervisor_->ask(Asked{Verb::promote}); break;
        case 12: supervisor_->ask(Asked{Verb::demote, chance(80)}); break;
        default: supervisor_->ask(Asked{Verb::checkpoint}); break;
    }
}

void SimulatedWorld::next_event() {
    const auto deadline = next_deadline(supervisor_->state());
    const bool answer_first = !due_.empty() && (!deadline || due_.begin()->first <= *deadline);
    if (answer_first) {
        auto next = due_.extract(due_.begin());
        now_ = std::max(now_, next.key());
        next.mapped()();
    } else if (deadline) {
        now_ = std::max(now_, *deadline);
        deliver(DeadlinePassed{});
    } else {
        now_ += 1s;
    }
}

void SimulatedWorld::run(int steps) {
    for (int step = 0; step < steps; ++step) {
        if (ended_) kill_everything();
        if (chance(15)) {
            one_fault_or_command();
        } else {
            next_event();
        }
    }

    quiet_ = true;
    disk_.full = disk_.refused = false;
    if (ended_) kill_everything();
    constexpr int enough = 2000;
    for (int step = 0; step < enough; ++step) {
        const auto& activity = supervisor_->state().activity;
        if (ended_ || std::holds_alternative<Running>(activity) || std::holds_alternative<Fenced>(activity) ||
            std::holds_alternative<Failed>(activity)) {
            return;
        }
        next_event();
    }
    must(false, "when the faults end the instance comes to rest");
}

}  // namespace pgbosun::test
