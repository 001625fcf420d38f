#pragma once
// The loop between what happens and what is done: feeds each event to decide(), keeps the state it answers, has its
// actions performed. It holds the only copy of the instance's state.

#include <deque>
#include <optional>

#include "instance/decide.hpp"
#include "pgbosun/time.hpp"
#include "supervision/effects.hpp"

namespace pgbosun::supervision {

// Told of every step: after what stops postgres, before its other actions are performed.
class Witness {
public:
    virtual ~Witness() = default;
    virtual void saw(const instance::InstanceState& before, const instance::Event& event,
                     const instance::Decision& decision) = 0;
};

class Supervisor {
public:
    Supervisor(instance::Policy policy, const Clock& clock, Effects& effects, Witness& witness);

    // An event that arrives while another is being handled is handled after it.
    void handle(const instance::Event& event);
    instance::Verdict ask(const instance::Asked& command);

    [[nodiscard]] const instance::InstanceState& state() const { return state_; }
    void set_policy(const instance::Policy& policy) { policy_ = policy; }

private:
    std::optional<instance::Verdict> step(const instance::Event& event);

    instance::Policy policy_;
    const Clock& clock_;
    Effects& effects_;
    Witness& witness_;
    instance::InstanceState state_;
    std::deque<instance::Event> waiting_;
    bool handling_ = false;
};

}  // namespace pgbosun::supervision
