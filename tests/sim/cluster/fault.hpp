#pragma once
// A schedule of faults: what happens to whom, when and for how long. Drawn from a seed, written and read as
// text.

#include <cstdint>
#include <string>
#include <vector>

namespace pgbosun::sim {

enum class FaultKind {
    kill_postgres,
    stop_agent,     // SIGSTOP; its guard and its postgres run on
    freeze_pod,     // all of it
    restart_agent,  // its container; `length` until it is up again
    cut,            // from `who` to `whom`, one way
    isolate,        // `who` from everybody
    cut_control,    // `who` from all controllers
    cut_peers,      // `who` from all other instances
    split,          // the nodes whose bits are set in `whom` from all others
    stop_controller,
    restart_controller,
    record_down,
    record_slow,
    slow_disk,
    switchover,  // to `who`
    fence,
    short_lease,     // of controller `who`: it is restarted with a shorter lease.ttl, and after that with its own again
    stall_receiver,  // WAL that arrives at `who` waits, while its agent answers
    end_agent,       // SIGTERM: it is gone after half of `length`, and up again at its end
    // An earlier record is put in the place of the newest one, which every instance has heard of: of `who` terms before, and
    // one more. After that somebody puts the newest one back, or (`whom` is odd) has the record begin anew with who serves.
    old_record,
    deny_serving,  // `who` says that it does not serve, as with a full disk or no free connection, and takes writes
    force,         // a failover to `who`, although commits may be lost
    pause,
    // `who` is down for `length`, and comes up with an empty volume; only while all hold data of the recorded term (or `whom` is
    // odd): in the moments after a change of primary, what is left may not tell who holds all, and a person has to.
    lose_volume,
    drop_member,  // the controllers are restarted without `who`, each `whom` ms after the one before, and later with it again
};

struct Fault {
    FaultKind kind{};
    std::int64_t at_ms = 0;
    std::int64_t length_ms = 0;
    int who = 0;
    int whom = 0;
    bool operator==(const Fault&) const = default;
};

// Of the machines of one schedule.
struct Setting {
    std::uint64_t seed = 0;
    int instances = 3;
    int controllers = 2;
    int loss = 0;  // messages, in a thousand
    int twice = 0;
    int late = 0;         // by seconds
    int synchronous = 0;  // standbys that must have a commit; 0: asynchronous
    bool preferred = false;
    int poll_ms = 500;
    bool brisk = false;  // network, disks and promotions take next to no time
    std::int64_t faults_end_ms = 0;
    bool first = false;   // synchronous are the first of the standbys that are there, not any of them
    bool ranked = false;  // the later an instance, the higher its priority
    int spare = 0;        // it must never be primary; 0: there is none
    int apart = 0;        // no commit waits for it; 0: there is none
    bool kept = false;    // no failover loses what that one holds
};

struct Schedule {
    Setting setting;
    std::vector<Fault> faults;
};

Schedule draw(std::uint64_t seed);
std::string to_text(const Schedule& schedule);
Schedule parse_schedule(const std::string& text);

}  // namespace pgbosun::sim
