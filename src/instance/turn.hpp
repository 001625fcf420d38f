#pragma once
// One call of decide(): the state as it is being changed, and the moves that the rules are made of.

#include <optional>
#include <variant>

#include "instance/decide.hpp"

namespace pgbosun::instance {

class Turn {
public:
    Turn(const InstanceState& state, Instant now, const Policy& policy) : now_(now), policy_(policy) {
        decision_.state = state;
    }

    void on(const Begin& event);
    void on(const VolumeJudged& event);
    void on(const BootstrapEnded& event);
    void on(const RejoinEnded& event);
    void on(const StraysGone& event);
    void on(const StandbyMarked& event);
    void on(const RoomFound& event);
    void on(const LaunchFailed& event);
    void on(const PostmasterExited& event);
    void on(const Accepting& event);
    void on(const CheckpointEnded& event);
    void on(const FenceStored& event);
    void on(const FenceRemoved& event);
    void on(const PartGiven& event);
    void on(const CannotFollow& event);
    void on(const RightEnds& event);
    void on(const GuardLost& event);
    void on(const DeadlinePassed& event);
    void on(const EndRequested& event);
    void on(const Asked& event);
    void refuse(Verdict verdict) { verdict_ = verdict; }

    Decision decision() && {
        decision_.verdict = verdict_;
        return decision_;
    }

private:
    InstanceState& state() { return decision_.state; }
    template <class Kind>
    Kind* as() {
        return std::get_if<Kind>(&decision_.state.activity);
    }
    template <class Kind>
    bool is() {
        return as<Kind>() != nullptr;
    }
    void add(Action action) { decision_.actions.add(action); }
    void enter(Activity activity) { state().activity = activity; }
    void enter(Activity activity, Action action) {
        enter(activity);
        add(action);
    }

    void inspect() { enter(Inspecting{}, InspectVolume{}); }
    void clear_then(AfterClearing next) { enter(Clearing{next}, ClearStrays{}); }
    void end(int exit_status) { enter(Ended{exit_status}, End{exit_status}); }
    // Ends or rests fenced, when that is what is wanted; only where no postmaster and no tool exists.
    bool rest_if_unwanted();
    // What to make of a data directory that may be used.
    void take_up();
    // Of the part that was given, by what is going on.
    void be_primary();
    void be_standby(Part before, bool other_primary);
    void be_isolated();
    void cancel_tool();
    void start_promotion() { enter(Promoting{now_ + Policy::promotion_timeout}, Promote{}); }
    // The postmaster, or the tool, is gone although nobody asked for it.
    void crashed(bool hopeless = false);
    void stop(Purpose purpose, StopMode mode, Instant began);
    void checkpoint_then_stop(Purpose purpose);
    void escalate();
    [[nodiscard]] StopMode gentle() const;
    // Its postmaster is being stopped for a demotion.
    bool demoting();

    Verdict answer(const Asked& event);
    Verdict fence();
    Verdict unfence();
    Verdict restart();
    Verdict promote();
    Verdict demote(const Asked& event);
    Verdict reclone();
    Verdict why_not_running();

    Decision decision_;
    std::optional<Verdict> verdict_;
    Instant now_;
    const Policy& policy_;
};

}  // namespace pgbosun::instance
