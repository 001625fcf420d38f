#include "instance/turn.hpp"

#include <algorithm>

namespace pgbosun::instance {

bool Turn::rest_if_unwanted() {
    if (state().desired.end) {
        end(0);
        return true;
    }
    if (state().desired.fence != Fence::off) {
        enter(Fenced{});
        return true;
    }
    return false;
}

void Turn::take_up() {
    const Part part = state().desired.part;
    if (allows_writes(part)) {
        state().ready_for = part;
        clear_then(AfterClearing::launch);
    } else if (part == Part::standby) {
        clear_then(state().ready_for == Part::standby ? AfterClearing::launch : AfterClearing::rejoin);
    } else {
        clear_then(AfterClearing::await_right);
    }
}

void Turn::be_primary() {
    const auto* running = as<Running>();
    if (running != nullptr && running->role == Role::standby && !state().recovering) {
        start_promotion();
    } else if (is<AwaitingRight>()) {
        inspect();
    } else if (is<Rejoining>()) {
        cancel_tool();
    }
}

void Turn::be_standby(Part before, bool other_primary) {
    const auto* running = as<Running>();
    if (running != nullptr && running->role == Role::standby) {
        if (other_primary) add(FollowPrimary{});
        // Its data is still a standby's; it was compared with the primary that it followed before.
        state().ready_for = Part::standby;
    } else if (auto* stopping = as<Stopping>()) {
        if (stopping->mode == StopMode::smart) stop(stopping->purpose, StopMode::fast, now_);
    } else if (const auto* checkpointing = as<Checkpointing>()) {
        stop(checkpointing->purpose, StopMode::fast, now_);
    } else if (is<Launching>() && before == Part::standby) {
        state().ready_for = Part::standby;
    } else if (has_postmaster(state())) {
        stop(Purpose::demote, StopMode::fast, now_);
    } else if (is<AwaitingRight>() || is<Failed>()) {
        inspect();
    } else if (is<Bootstrapping>() || is<Rejoining>()) {
        cancel_tool();
    }
}

void Turn::be_isolated() {
    if (const auto* stopping = as<Stopping>()) {
        if (!stopping->killing && stopping->mode != StopMode::immediate)
            stop(stopping->purpose, StopMode::immediate, now_);
    } else if (const auto* checkpointing = as<Checkpointing>();
               checkpointing && checkpointing->purpose != Purpose::restart) {
        stop(checkpointing->purpose, StopMode::immediate, now_);
    } else if (has_postmaster(state())) {
        stop(Purpose::isolate, StopMode::immediate, now_);
    }
}

// What comes next is decided when it has ended.
void Turn::cancel_tool() {
    if (is<Bootstrapping>()) {
        enter(Bootstrapping{now_ + Policy::cancel_timeout}, CancelBootstrap{});
    } else if (as<Rejoining>()->again_at) {
        inspect();  // nothing runs
    } else if (!as<Rejoining>()->kill_at) {
        enter(Rejoining{{}, now_ + Policy::cancel_timeout}, CancelRejoin{});
    }
}

void Turn::crashed(bool hopeless) {
    auto& crashes = state().crashes;
    // Replay may take hours between two crashes of a recovery: all of them count.
    const bool window_over = now_ - crashes.window_began > policy_.restart_period && !state().recovering;
    if (crashes.count == 0 || window_over) crashes = Crashes{0, now_};
    ++crashes.count;
    state().cause = Cause::crash;
    state().promotes = false;
    // What keeps a standby from starting may be that its data left the primary's history: it is compared again.
    if (state().ready_for == Part::standby) state().ready_for = Part::unknown;
    const bool too_often = crashes.count > policy_.restart_intensity;
    // A new container would recover again from where this one failed: a person must see it instead.
    const bool rest = hopeless || (too_often && state().recovering);
    clear_then(rest ? AfterClearing::rest : too_often ? AfterClearing::give_up : AfterClearing::back_off);
}

bool Turn::demoting() {
    const auto* stopping = as<Stopping>();
    const auto* checkpointing = as<Checkpointing>();
    return (stopping != nullptr && stopping->purpose == Purpose::demote) ||
           (checkpointing != nullptr && checkpointing->purpose == Purpose::demote);
}

StopMode Turn::gentle() const { return policy_.smart_timeout > Duration::zero() ? StopMode::smart : StopMode::fast; }

void Turn::stop(Purpose purpose, StopMode mode, Instant began) {
    const Duration share = policy_.last_share();
    const Instant kill_at = std::max(began + policy_.stop_timeout, now_ + share);
    Instant next = kill_at;
    // Time for fast, and for immediate, is left.
    if (mode == StopMode::smart) next = std::clamp(kill_at - 2 * share, now_, now_ + policy_.smart_timeout);
    if (mode == StopMode::fast) next = kill_at - share;
    enter(Stopping{purpose, mode, false, next, kill_at}, StopPostgres{mode});
}

void Turn::checkpoint_then_stop(Purpose purpose) {
    const auto* running = as<Running>();
    const bool worth_it = running != nullptr && running->role == Role::primary;
    if (!worth_it || policy_.checkpoint_timeout == Duration::zero()) {
        stop(purpose, gentle(), now_);
        return;
    }
    enter(Checkpointing{purpose, now_ + policy_.checkpoint_share(), now_}, Checkpoint{});
}

void Turn::escalate() {
    auto& stopping = *as<Stopping>();
    if (stopping.killing || now_ >= stopping.kill_at) {
        stopping.killing = true;
        stopping.next_step_at = now_ + Policy::kill_again;
        add(KillPostgres{});
    } else if (stopping.mode == StopMode::smart) {
        stopping.mode = StopMode::fast;
        stopping.next_step_at = std::max(now_, stopping.kill_at - policy_.last_share());
        add(StopPostgres{StopMode::fast});
    } else {
        stopping.mode = StopMode::immediate;
        stopping.next_step_at = stopping.kill_at;
        add(StopPostgres{StopMode::immediate});
    }
}

Verdict Turn::fence() {
    auto& fence = state().desired.fence;
    if (fence == Fence::on || fence == Fence::storing) return Verdict::already_so;
    fence = Fence::storing;
    state().promotes = false;
    add(StoreFence{});
    const bool waits = is<BackingOff>() || is<WaitingForRoom>() || is<Inspecting>() || is<Failed>() ||
                       is<AwaitingRight>() || (is<Rejoining>() && as<Rejoining>()->again_at);
    if (auto* stopping = as<Stopping>()) {
        // A demotion goes on: its standby.signal is still due. All else ends in the fence.
        if (!demoting()) stopping->purpose = Purpose::fence;
    } else if (has_postmaster(state())) {
        stop(demoting() ? Purpose::demote : Purpose::fence, StopMode::fast, now_);
    } else if (waits) {
        enter(Fenced{});
    } else if (is<Bootstrapping>() || is<Rejoining>()) {
        cancel_tool();
    }
    return Verdict::accepted;
}

Verdict Turn::unfence() {
    auto& fence = state().desired.fence;
    if (!state().begun) return Verdict::refused_busy;  // what the volume says of it is not known yet
    if (fence == Fence::off) return Verdict::already_so;
    if (fence != Fence::removing) {
        fence = Fence::removing;
        add(RemoveFence{});
    }
    return Verdict::accepted;
}

Verdict Turn::restart() {
    if (state().desired.fence != Fence::off) return Verdict::refused_fenced;
    if (is<Bootstrapping>()) return Verdict::refused_bootstrapping;
    if (is<Promoting>() || is<Rejoining>()) return Verdict::refused_busy;
    if (is<Running>()) {
        checkpoint_then_stop(Purpose::restart);
        return Verdict::accepted;
    }
    if (is<Launching>()) {
        stop(Purpose::restart, StopMode::fast, now_);
        return Verdict::accepted;
    }
    if (const auto* stopping = as<Stopping>()) {
        return stopping->purpose == Purpose::restart ? Verdict::accepted : Verdict::refused_busy;
    }
    if (const auto* checkpointing = as<Checkpointing>()) {
        return checkpointing->purpose == Purpose::restart ? Verdict::accepted : Verdict::refused_busy;
    }
    if (is<Failed>() || is<BackingOff>() || is<WaitingForRoom>()) {
        state().cause = Cause::restart;
        state().crashes = Crashes{};
        inspect();
    }
    return Verdict::accepted;
}

Verdict Turn::why_not_running() {
    if (state().desired.fence != Fence::off) return Verdict::refused_fenced;
    if (is<Bootstrapping>()) return Verdict::refused_bootstrapping;
    if (is<Failed>()) return Verdict::refused_failed;
    if (is<Stopping>() || is<Checkpointing>() || is<Promoting>() || is<Rejoining>()) return Verdict::refused_busy;
    return Verdict::refused_not_running;
}

Verdict Turn::promote() {
    if (state().desired.part != Part::own) return Verdict::refused_managed;
    if (is<Promoting>()) return Verdict::accepted;
    if (state().promotes) return Verdict::accepted;
    if (const auto* failed = as<Failed>(); failed != nullptr && failed->may_promote) {
        state().promotes = true;
        state().cause = Cause::restart;
        state().crashes = Crashes{};
        inspect();
        return Verdict::accepted;
    }
    const auto* running = as<Running>();
    if (running == nullptr) return why_not_running();
    if (state().recovering) return Verdict::refused_bootstrapping;
    if (running->role == Role::primary) return Verdict::already_so;
    start_promotion();
    return Verdict::accepted;
}

// The rejoin that follows knows that a clone was asked for: see Performer::ask_for_clone().
Verdict Turn::reclone() {
    if (state().desired.part == Part::own) return Verdict::refused_unmanaged;
    if (state().desired.fence != Fence::off) return Verdict::refused_fenced;
    if (state().desired.part != Part::standby) return Verdict::refused_not_standby;
    if (is<Bootstrapping>()) return Verdict::refused_bootstrapping;
    const auto* running = as<Running>();
    const auto* rejoining = as<Rejoining>();
    const bool busy = is<Stopping>() || is<Checkpointing>() || is<Promoting>() ||
                      (running != nullptr && running->role == Role::primary) ||
                      (rejoining != nullptr && !rejoining->again_at);
    if (busy) return Verdict::refused_busy;
    state().ready_for = Part::unknown;
    state().crashes = Crashes{};
    if (has_postmaster(state())) {
        stop(Purpose::rejoin, StopMode::fast, now_);
    } else if (is<Failed>() || is<BackingOff>() || is<WaitingForRoom>() || is<Inspecting>() || rejoining != nullptr) {
        inspect();
    }
    return Verdict::accepted;
}

Verdict Turn::demote(const Asked& event) {
    if (state().desired.part != Part::own) return Verdict::refused_managed;
    const auto* running = as<Running>();
    if (running == nullptr) {
        const auto* stopping = as<Stopping>();
        if (stopping != nullptr && stopping->purpose == Purpose::demote) return Verdict::accepted;
        return why_not_running();
    }
    if (state().recovering) return Verdict::refused_bootstrapping;
    if (running->role == Role::standby) return Verdict::already_so;
    if (!event.has_upstream) return Verdict::refused_no_upstream;
    checkpoint_then_stop(Purpose::demote);
    return Verdict::accepted;
}

}  // namespace pgbosun::instance
