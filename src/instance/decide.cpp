#include "instance/decide.hpp"

#include <algorithm>
#include <utility>

#include "instance/turn.hpp"

namespace pgbosun::instance {

Duration back_off(int crashes) {
    if (crashes <= 1) return Duration::zero();
    const Duration doubled = std::chrono::seconds(1) * (1 << std::min(crashes - 2, 16));
    return std::min<Duration>(doubled, Policy::longest_back_off);
}

void Turn::on(const Begin& event) {
    if (state().begun) return;
    state().begun = true;
    if (event.fence_found && state().desired.fence == Fence::off) state().desired.fence = Fence::on;
    state().desired.part = event.part;
    if (is<Inspecting>()) inspect();  // else it was fenced before
}

void Turn::on(const VolumeJudged& event) {
    if (!is<Inspecting>()) return;
    state().recovering = event.verdict == VolumeVerdict::usable && event.recovering;
    if (rest_if_unwanted()) return;
    switch (event.verdict) {
        case VolumeVerdict::empty:
        case VolumeVerdict::unfinished:
            state().promotes = false;
            if (allows_writes(state().desired.part)) {
                enter(Bootstrapping{}, Bootstrap{});
            } else if (state().desired.part == Part::standby) {
                clear_then(AfterClearing::rejoin);
            } else {
                clear_then(AfterClearing::await_right);
            }
            return;
        case VolumeVerdict::usable: take_up(); return;
        case VolumeVerdict::occupied:
        case VolumeVerdict::unreadable: enter(Inspecting{now_ + Policy::look_again}); return;
        case VolumeVerdict::refused:
            state().promotes = false;
            enter(Failed{});
            return;
    }
    std::unreachable();
}

void Turn::on(const BootstrapEnded& event) {
    if (!is<Bootstrapping>()) return;
    if (rest_if_unwanted()) return;
    if (as<Bootstrapping>()->kill_at) {
        inspect();  // cancelled, for it was given another part
        return;
    }
    switch (event.outcome) {
        case BootstrapOutcome::done: inspect(); return;
        case BootstrapOutcome::failed: crashed(); return;
        case BootstrapOutcome::primary_absent: enter(BackingOff{now_ + Policy::look_again}); return;
        case BootstrapOutcome::refused: enter(Failed{}); return;
    }
    std::unreachable();
}

void Turn::on(const RejoinEnded& event) {
    if (!is<Rejoining>()) return;
    if (rest_if_unwanted()) return;
    const bool cancelled = as<Rejoining>()->kill_at.has_value();
    if (cancelled) {
        inspect();
        return;
    }
    switch (event.outcome) {
        case BootstrapOutcome::done:
            state().ready_for = Part::standby;
            inspect();
            return;
        case BootstrapOutcome::failed: crashed(); return;
        case BootstrapOutcome::primary_absent: enter(Rejoining{now_ + Policy::look_again, {}}); return;
        case BootstrapOutcome::refused: enter(Failed{}); return;
    }
    std::unreachable();
}

void Turn::on(const StraysGone&) {
    const auto* clearing = as<Clearing>();
    if (clearing == nullptr) return;
    const AfterClearing next = clearing->next;
    if (next == AfterClearing::mark_standby && state().desired.end != StopMode::immediate) {
        // Also under a fence, or before the end: else it comes back as a second primary.
        enter(MarkingStandby{}, MarkStandby{});
        return;
    }
    if (rest_if_unwanted()) return;
    switch (next) {
        case AfterClearing::go_on:
        case AfterClearing::mark_standby: inspect(); return;
        case AfterClearing::launch: enter(CheckingRoom{}, CheckRoom{}); return;
        case AfterClearing::rejoin:
        case AfterClearing::await_right:
            if (state().desired.part == Part::standby) {
                state().cause = Cause::rejoin;
                enter(Rejoining{}, Rejoin{});
            } else if (allows_writes(state().desired.part)) {
                inspect();  // it was given another part meanwhile
            } else {
                enter(AwaitingRight{});
            }
            return;
        case AfterClearing::back_off: enter(BackingOff{now_ + back_off(state().crashes.count)}); return;
        case AfterClearing::give_up: end(1); return;
        case AfterClearing::rest: enter(Failed{.may_promote = !state().recovering}); return;
    }
    std::unreachable();
}

void Turn::on(const StandbyMarked&) {
    if (!is<MarkingStandby>()) return;
    if (!rest_if_unwanted()) inspect();
}

void Turn::on(const RoomFound& event) {
    if (!is<CheckingRoom>()) return;
    if (rest_if_unwanted()) return;
    if (state().ready_for != state().desired.part) {
        inspect();  // it was given another part meanwhile
    } else if (event.enough) {
        enter(Launching{}, Launch{.alone = state().promotes});
    } else {
        enter(WaitingForRoom{now_ + Policy::look_again});
    }
}

void Turn::on(const LaunchFailed&) {
    if (is<Launching>()) crashed();
}

void Turn::on(const PostmasterExited& event) {
    if (!has_postmaster(state())) return;
    const auto* stopping = as<Stopping>();
    if (stopping == nullptr) {
        crashed(event.hopeless);
        return;
    }
    switch (stopping->purpose) {
        case Purpose::end:
        case Purpose::fence:
        case Purpose::guard:
        case Purpose::isolate:
        case Purpose::rejoin: clear_then(AfterClearing::go_on); return;
        case Purpose::restart:
            state().cause = Cause::restart;
            clear_then(AfterClearing::go_on);
            return;
        case Purpose::demote:
            state().cause = Cause::demote;
            // In a cluster it is marked when it has been compared with the new primary.
            clear_then(state().desired.part == Part::own ? AfterClearing::mark_standby : AfterClearing::go_on);
            return;
    }
    std::unreachable();
}

void Turn::on(const Accepting& event) {
    const bool up = is<Launching>() || is<Running>() || (is<Promoting>() && event.role == Role::primary);
    if (!up) return;
    if (event.role == Role::primary && state().recovering) {
        state().recovering = false;
        state().crashes = Crashes{};
    }
    enter(Running{event.role});
    const bool promotes = std::exchange(state().promotes, false);
    switch (state().desired.part) {
        case Part::own:
            if (promotes && event.role == Role::standby && !state().recovering) start_promotion();
            return;
        case Part::primary: be_primary(); return;
        case Part::standby:
            if (event.role == Role::standby) return;
            // Somebody has promoted it by hand: its data is another than what was compared.
            state().ready_for = Part::unknown;
            stop(Purpose::demote, StopMode::fast, now_);
            return;
        case Part::unknown:
        case Part::isolated: be_isolated(); return;
    }
    std::unreachable();
}

void Turn::on(const CheckpointEnded&) {
    if (const auto* checkpointing = as<Checkpointing>())
        stop(checkpointing->purpose, gentle(), checkpointing->stop_began);
}

void Turn::on(const FenceStored&) {
    if (state().desired.fence == Fence::storing) state().desired.fence = Fence::on;
}

void Turn::on(const FenceRemoved&) {
    if (state().desired.fence != Fence::removing) return;
    state().desired.fence = Fence::off;
    state().crashes = Crashes{};  // a person has looked at it
    if (!is<Fenced>()) return;
    state().cause = Cause::unfence;
    inspect();
}

void Turn::on(const PartGiven& event) {
    const Part before = std::exchange(state().desired.part, event.part);
    const bool same = before == event.part && !event.other_primary;
    // Who regains the right for the same data and term goes on where it was.
    const bool renewed = state().ready_for == Part::primary && allows_writes(event.part);
    if (same) return;
    if (!renewed && event.part != Part::isolated) state().ready_for = Part::unknown;
    switch (event.part) {
        case Part::own: return;
        case Part::primary: be_primary(); return;
        case Part::standby: be_standby(before, event.other_primary); return;
        case Part::unknown:
        case Part::isolated: be_isolated(); return;
    }
    std::unreachable();
}

void Turn::on(const CannotFollow&) {
    const auto* running = as<Running>();
    const bool standby = is<Launching>() || (running != nullptr && running->role == Role::standby);
    if (!standby || state().desired.part != Part::standby) return;
    state().ready_for = Part::unknown;
    stop(Purpose::rejoin, StopMode::fast, now_);
}

void Turn::on(const RightEnds&) {
    if (has_postmaster(state()) && !takes_no_writes(state())) be_isolated();
}

void Turn::on(const GuardLost&) {
    if (has_postmaster(state()) && !is<Stopping>()) stop(Purpose::guard, StopMode::immediate, now_);
}

void Turn::on(const DeadlinePassed&) {
    const auto deadline = next_deadline(state());
    if (!deadline || now_ < *deadline) return;
    if (is<Inspecting>() || is<BackingOff>()) {
        inspect();
    } else if (auto* rejoining = as<Rejoining>()) {
        if (rejoining->kill_at) {
            enter(Rejoining{{}, now_ + Policy::kill_again}, CancelRejoin{.kill = true});
        } else if (state().desired.part == Part::standby) {
            enter(Rejoining{}, Rejoin{});
        } else {
            inspect();  // it was given another part meanwhile
        }
    } else if (is<WaitingForRoom>()) {
        enter(CheckingRoom{}, CheckRoom{});
    } else if (is<Bootstrapping>()) {
        enter(Bootstrapping{now_ + Policy::kill_again}, CancelBootstrap{.kill = true});
    } else if (const auto* checkpointing = as<Checkpointing>()) {
        stop(checkpointing->purpose, gentle(), checkpointing->stop_began);
    } else if (is<Promoting>() && state().desired.part == Part::primary) {
        start_promotion();
    } else if (is<Promoting>()) {
        enter(Running{Role::standby});
    } else if (is<Stopping>()) {
        escalate();
    }
}

void Turn::on(const EndRequested& event) {
    auto& wanted = state().desired.end;
    const bool harder = !wanted || event.mode > *wanted;
    if (!harder) return;
    wanted = event.mode;
    if (is<Bootstrapping>() || (is<Rejoining>() && !as<Rejoining>()->again_at)) {
        cancel_tool();
    } else if (auto* stopping = as<Stopping>()) {
        if (!demoting()) stopping->purpose = Purpose::end;
        if (event.mode > stopping->mode && !stopping->killing) stop(stopping->purpose, event.mode, now_);
    } else if (is<Running>() && event.mode == StopMode::smart) {
        checkpoint_then_stop(Purpose::end);
    } else if (has_postmaster(state())) {
        const Purpose purpose = demoting() ? Purpose::demote : Purpose::end;
        stop(purpose, event.mode == StopMode::smart ? gentle() : event.mode, now_);
    } else if (is<MarkingStandby>() && event.mode != StopMode::immediate) {
        // It ends when that is done.
    } else if (!is<Clearing>() && !is<Ended>()) {
        // Nothing of ours runs, and a server that does is another's: strays were killed before each of these.
        end(0);
    }
}

void Turn::on(const Asked& event) {
    if (state().desired.end) {
        verdict_ = Verdict::refused_ending;
        return;
    }
    verdict_ = answer(event);
}

Verdict Turn::answer(const Asked& event) {
    switch (event.verb) {
        case Verb::fence: return fence();
        case Verb::unfence: return unfence();
        case Verb::restart: return restart();
        case Verb::promote: return promote();
        case Verb::demote: return demote(event);
        case Verb::checkpoint:
            if (!is<Running>()) return why_not_running();
            add(Checkpoint{.asked = true});
            return Verdict::accepted;
        case Verb::reload: add(Reload{}); return Verdict::accepted;
        case Verb::reclone: return reclone();
    }
    std::unreachable();
}

Decision decide(const InstanceState& state, const Event& event, Instant now, const Policy& policy) {
    Turn turn(state, now, policy);
    if (!std::holds_alternative<Ended>(state.activity)) {
        std::visit([&](const auto& it) { turn.on(it); }, event);
    } else if (std::holds_alternative<Asked>(event)) {
        turn.refuse(Verdict::refused_ending);
    }
    return std::move(turn).decision();
}

}  // namespace pgbosun::instance
