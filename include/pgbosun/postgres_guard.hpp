#pragma once
// Who kills postgres when PID 1 cannot: it dies, or hangs past the moment until which it may write.

#include "pgbosun/fault.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun {

class PostgresGuard {
public:
    virtual ~PostgresGuard() = default;

    // Right after the postmaster was spawned. A Fault: nobody guards it, so it must not run.
    virtual Result<> watch(ProcessId postmaster) = 0;
    // After the postmaster has been reaped.
    virtual void unwatch() = 0;
};

}  // namespace pgbosun
