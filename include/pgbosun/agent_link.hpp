#pragma once
// How a controller speaks with one agent. Each call ends by itself, with `unavailable` when there is no answer in time.

#include <functional>

#include "pgbosun/assignment.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun {

class AgentLink {
public:
    virtual ~AgentLink() = default;

    virtual Task<Result<InstanceStatus>> status() = 0;
    // refused: the agent says why, and state is unchanged. unavailable: it may have taken it.
    virtual Task<Result<>> assign(Assignment assignment) = 0;
    // Success: the checkpoint has been written.
    virtual Task<Result<>> checkpoint() = 0;
    // Runs until the agent ends it or can no longer be heard: `on_event` is called at each change of its state.
    virtual Task<Result<>> follow(std::function<void()> on_event) = 0;
};

}  // namespace pgbosun
