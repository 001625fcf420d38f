#pragma once
// What the instance is to do and what it is doing, as one value. Desired and actual are kept apart: a command
// changes what is desired, an event changes what is; decide() brings the second towards the first.
//
// Whether a postmaster exists is part of the type of the activity: Launching, Running, Checkpointing, Promoting
// and Stopping have one, all others have none. Deadlines are data here; one timer is armed from next_deadline().

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "instance/part.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::instance {

// PostgreSQL's shutdown modes, in the order in which they give way to one another.
enum class StopMode { smart, fast, immediate };
std::string_view to_string(StopMode mode);

// The fence on disk and the fence as wanted are the same once `storing` or `removing` is over.
enum class Fence { off, storing, on, removing };

struct Desired {
    Fence fence = Fence::off;
    std::optional<StopMode> end;  // pgbosun itself was told to end
    Part part = Part::own;
    auto operator<=>(const Desired&) const = default;
};

// Why the postmaster is stopped; what comes after is decided from Desired when it has gone.
enum class Purpose { end, fence, restart, demote, guard, isolate, rejoin };

// Why there is no running postmaster, or not yet: it names the public phase.
enum class Cause { start, restart, crash, demote, unfence, rejoin };

// Gathering facts about the volume; or waiting to do it again, for it could not be judged.
struct Inspecting {
    std::optional<Instant> again_at;
    auto operator<=>(const Inspecting&) const = default;
};
// initdb or pg_basebackup, and what makes the new data directory ours.
struct Bootstrapping {
    std::optional<Instant> kill_at;  // told to end: the tool gets this long
    auto operator<=>(const Bootstrapping&) const = default;
};
// Processes of a postmaster that is gone are being killed: two postmasters must never share a data directory.
enum class AfterClearing { go_on, launch, back_off, mark_standby, rejoin, await_right, give_up, rest };
struct Clearing {
    AfterClearing next = AfterClearing::go_on;
    auto operator<=>(const Clearing&) const = default;
};
struct MarkingStandby {
    auto operator<=>(const MarkingStandby&) const = default;
};
// Bringing the data in step with the primary's: comparing, pg_rewind, pg_basebackup; or waiting to try it again.
struct Rejoining {
    std::optional<Instant> again_at;
    std::optional<Instant> kill_at;  // told to end: the tool gets this long
    auto operator<=>(const Rejoining&) const = default;
};
// At rest: no postgres may run before somebody says who is the primary, or renews the right to write.
struct AwaitingRight {
    auto operator<=>(const AwaitingRight&) const = default;
};
struct CheckingRoom {
    auto operator<=>(const CheckingRoom&) const = default;
};
struct WaitingForRoom {
    Instant again_at{};
    auto operator<=>(const WaitingForRoom&) const = default;
};
struct BackingOff {
    Instant until{};
    auto operator<=>(const BackingOff&) const = default;
};
struct Launching {
    auto operator<=>(const Launching&) const = default;
};
struct Running {
    Role role = Role::none;  // never none
    auto operator<=>(const Running&) const = default;
};
struct Checkpointing {
    Purpose purpose{};
    Instant deadline{};
    Instant stop_began{};
    auto operator<=>(const Checkpointing&) const = default;
};
struct Promoting {
    Instant deadline{};
    auto operator<=>(const Promoting&) const = default;
};
struct Stopping {
    Purpose purpose{};
    StopMode mode{};
    bool killing = false;  // SIGKILL has been sent, and is sent again at next_step_at
    Instant next_step_at{};
    Instant kill_at{};
    auto operator<=>(const Stopping&) const = default;
};
// At rest, fenced: no postgres, and none is started.
struct Fenced {
    auto operator<=>(const Fenced&) const = default;
};
// At rest until a person has changed something and asks for a restart.
struct Failed {
    // What keeps it from running is whom it follows: promoted, which it may be, it would run.
    bool may_promote = false;
    auto operator<=>(const Failed&) const = default;
};
struct Ended {
    int exit_status = 0;
    auto operator<=>(const Ended&) const = default;
};

using Activity = std::variant<Inspecting, Bootstrapping, Clearing, MarkingStandby, Rejoining, AwaitingRight,
                              CheckingRoom, WaitingForRoom, BackingOff, Launching, Running, Checkpointing, Promoting,
                              Stopping, Fenced, Failed, Ended>;

// Crashes since the first one of this window; the window ends `restart.period` after it began.
struct Crashes {
    int count = 0;
    Instant window_began{};
    auto operator<=>(const Crashes&) const = default;
};

struct InstanceState {
    Desired desired;
    Activity activity = Inspecting{};
    Cause cause = Cause::start;
    Crashes crashes;
    // The part for which the data was judged and, for a standby, brought in step with the primary's, since the part or
    // the primary has changed; unknown: not yet.
    Part ready_for = Part::own;
    bool recovering = false;  // a restored data directory is on its way to its recovery target: no primary yet
    bool promotes = false;    // a standby that could not run is promoted when it does, following nobody
    bool begun = false;       // the part, and the fence on the volume, are known
    auto operator<=>(const InstanceState&) const = default;
};

bool has_postmaster(const InstanceState& state);
// No postgres takes writes, and none could without another part being given. Processes of an earlier life are gone.
bool takes_no_writes(const InstanceState& state);
Phase phase_of(const InstanceState& state);
// The moment at which DeadlinePassed is due; none: it waits for something else to happen.
std::optional<Instant> next_deadline(const InstanceState& state);
// "waiting_for_room": for the journal and the drawn state machine.
std::string_view name_of(const Activity& activity);

}  // namespace pgbosun::instance
