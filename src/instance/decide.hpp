#pragma once
// The whole policy of one instance, as a pure and total function; docs/state-machine.md is drawn from it.
//
// The path up:    inspecting -> [bootstrapping] -> clearing -> checking_room -> launching -> running
// The path down:  [checkpointing] -> stopping (smart, fast, immediate, SIGKILL) -> clearing -> where Desired says
//
// What always holds (tests/unit/instance/walk_test.cpp visits every reachable state and checks it):
//  * Launch happens only without a postmaster, right after the strays of the last one are gone, and never while a
//    fence or an end is wanted.
//  * A fence, once asked for, is stored at once and stops postgres at once; neither waits for the other.
//  * End happens only without a postmaster.
//  * Every wait has a deadline, except for crash recovery (Launching), which postgres alone can hurry, and for
//    the three states at rest: Running, Fenced, Failed.

#include <algorithm>
#include <optional>

#include "instance/events.hpp"
#include "instance/state.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::instance {

struct Policy {
    Duration smart_timeout{};
    Duration stop_timeout{};  // from the request to SIGKILL
    Duration checkpoint_timeout{};
    int restart_intensity = 5;  // more crashes than this ...
    Duration restart_period{};  // ... in a window of this length: give up, exit 1

    // Of stop_timeout fast gets at least so much, and immediate the last part: enough for postgres to end its children by
    // SIGQUIT, and of a short one a fifth. All else is for the steps before, each as long as it really takes.
    [[nodiscard]] Duration last_share() const { return std::min<Duration>(std::chrono::seconds(5), stop_timeout / 5); }
    // The checkpoint before a stop leaves time for smart: what is asked for, and at least half.
    [[nodiscard]] Duration checkpoint_share() const {
        const Duration before_fast = stop_timeout - 2 * last_share();
        return std::min(checkpoint_timeout, std::max(before_fast - smart_timeout, before_fast / 2));
    }
    static constexpr Duration kill_again = std::chrono::seconds(1);
    static constexpr Duration cancel_timeout = std::chrono::seconds(5);
    static constexpr Duration look_again = std::chrono::seconds(2);
    static constexpr Duration promotion_timeout = std::chrono::seconds(60);
    static constexpr Duration longest_back_off = std::chrono::seconds(16);
};

struct Decision {
    InstanceState state;
    Actions actions;
    std::optional<Verdict> verdict;  // for Asked, and only then
};

Decision decide(const InstanceState& state, const Event& event, Instant now, const Policy& policy);

// How long to wait before the restart after the n-th crash of a window: 0, 1, 2, 4, ... seconds.
Duration back_off(int crashes);

}  // namespace pgbosun::instance
