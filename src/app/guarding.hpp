#pragma once
// The guard as the supervision sees it: replaced when it dies, and told again what to watch and until when.

#include <functional>
#include <memory>
#include <optional>

#include "host/guard.hpp"
#include "pgbosun/postgres_guard.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

class Guarding final : public PostgresGuard {
public:
    // `on_loss`: what was watched is guarded by nobody.
    Guarding(host::ChildProcesses& processes, const Settings& settings, const Clock& clock,
             std::function<void()> on_loss);
    // Starts the guard. `data_directory`: without links; the volume may hang when it is wanted.
    void begin(std::string data_directory);

    void expect() override;
    Result<> watch(ProcessId postmaster) override;
    void unwatch() override;

    // Standalone: PID 1 is well.
    void renew();
    // Managed: when postgres must be dead; none: nothing that runs needs a right.
    void hold_until(std::optional<Instant> moment);

private:
    void replace();
    void lost();

    host::ChildProcesses& processes_;
    const Settings& settings_;
    const Clock& clock_;
    std::function<void()> on_loss_;
    std::string data_directory_;
    std::unique_ptr<host::Guard> guard_;
    bool expected_ = false;
    std::optional<ProcessId> watched_;
    Instant held_until_ = Instant::max();
};

}  // namespace pgbosun::app
