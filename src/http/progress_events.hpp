#pragma once
// Decision: when an event stream says how far long work has come. Pure. These events have no id and are in no journal:
// who comes back reads the status.

#include <chrono>
#include <string>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::http {

class ProgressEvents {
public:
    using Time = std::chrono::steady_clock::time_point;

    // `pace`: they are not further apart while the work gets on, and not closer.
    explicit ProgressEvents(Duration pace) : pace_(pace) {}

    // The event that is to be sent now; empty: none.
    std::string due(const InstanceStatus& status, Time now);
    // Until it is to be asked again. Another entry of the journal says that work has begun.
    [[nodiscard]] Duration patience(const InstanceStatus& status) const;

private:
    Duration pace_;
    std::string said_;
    Time said_at_{};
};

}  // namespace pgbosun::http
