#pragma once
// What a test of decide() asks: a running instance, and what is decided after an event.

#include "instance/decide.hpp"

namespace pgbosun::test {

inline constexpr Instant start{std::chrono::seconds(1000)};

inline instance::Policy policy() {
    instance::Policy policy;
    policy.stop_timeout = std::chrono::seconds(60);
    policy.checkpoint_timeout = std::chrono::seconds(10);
    policy.restart_intensity = 5;
    policy.restart_period = std::chrono::seconds(60);
    return policy;
}

inline instance::InstanceState running(Role role) {
    instance::InstanceState state;
    state.activity = instance::Running{role};
    state.begun = true;
    return state;
}

template <class Kind>
const Kind* find(const instance::Decision& decision) {
    for (const instance::Action& action : decision.actions) {
        if (const auto* it = std::get_if<Kind>(&action)) return it;
    }
    return nullptr;
}

inline instance::Decision after(const instance::InstanceState& state, const instance::Event& event,
                                Instant now = start) {
    return decide(state, event, now, policy());
}

}  // namespace pgbosun::test
