#pragma once
// Who kills postgres when PID 1 cannot: it dies, or hangs past the moment until which it may write.

#include "pgbosun/fault.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun {

class PostgresGuard {
public:
    virtual ~PostgresGuard() = default;

    // Before a postmaster is spawned, where nothing works on the data directory: dies PID 1 before watch(), all that works
    // there then is its.
    virtual void expect() = 0;
    // Right after the postmaster was spawned. A Fault: nobody guards it, so it must not run.
    virtual Result<> watch(ProcessId postmaster) = 0;
    // After the postmaster has been reaped, or could not be spawned.
    virtual void unwatch() = 0;
};

}  // namespace pgbosun
