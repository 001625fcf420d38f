#pragma once
// The guard of the right to write (docs/decisions/0005-standalone-guard.md): a process of its own that kills postgres when
// PID 1 dies, or hangs past the moment until which it may write. It shares one page and one socket with PID 1.

#include <functional>
#include <memory>
#include <string_view>

#include "host/shared_page.hpp"
#include "pgbosun/descriptor.hpp"
#include "pgbosun/process_host.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::host {

class ChildProcesses;
struct GuardPage;

class Guard {
public:
    // The guard runs until this object and PID 1 are gone and postgres is dead. `data_directory`: canonical; a postgres
    // is known by it. `on_death`: it ended although we live; the caller must stop postgres itself, then
    // may start another. Begins with valid_until "for ever".
    static Result<std::unique_ptr<Guard>> start(ChildProcesses& processes, std::string_view data_directory,
                                                std::function<void()> on_death);
    // As if PID 1 had died: what is watched or expected is killed, every postgres of the data directory.
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    // At `valid_until` all of postgres is killed with SIGKILL. No system call unless the moment comes nearer.
    void renew(Instant valid_until);
    // Managed: 0. Standalone: when valid_until has passed the guard waits this long more and looks again, so that
    // PID 1 can renew first when a frozen pod thaws.
    void set_grace(Duration grace);

    // Right before spawn.
    void expect();
    // Right after spawn. unavailable: the guard cannot be told; then postgres must not run.
    Result<> watch(ProcessId postmaster);
    // After the postmaster has been reaped.
    void unwatch();

    [[nodiscard]] ProcessId process() const { return process_; }

private:
    Guard(SharedPage<GuardPage> page, Descriptor channel);
    SharedPage<GuardPage> page_;
    Descriptor channel_;
    ProcessId process_{};
    std::shared_ptr<std::function<void()>> on_death_;  // shared with the callback of the reaper
};

}  // namespace pgbosun::host
