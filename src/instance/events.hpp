#pragma once
// Everything that can happen to the instance, and everything that it can do about it: two closed lists.

#include <array>
#include <cassert>
#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

#include "instance/state.hpp"
#include "pgbosun/instance_control.hpp"

namespace pgbosun::instance {

// What the volume holds, as postgres/data_directory judged it.
enum class VolumeVerdict {
    empty,       // nothing there: bootstrap
    unfinished,  // an interrupted bootstrap of ours: bootstrap anew
    usable,
    occupied,    // another live postmaster runs on it: look again later
    unreadable,  // it could not be judged in time: look again later
    refused,     // not ours to touch: a person decides
};

struct Begin {
    bool fence_found = false;  // the volume holds a fence from an earlier life
    Part part = Part::own;
};
struct VolumeJudged {
    VolumeVerdict verdict{};
    bool recovering = false;  // usable: restored by us, and on its way to its recovery target
};
// No process of the bootstrap is left.
enum class BootstrapOutcome {
    done,
    failed,
    primary_absent,  // the primary to clone from did not answer: it is waited for
    refused,         // it would fail again: a person decides
};
struct BootstrapEnded {
    BootstrapOutcome outcome{};
};
// The same of a rejoin: done: the data may be launched as a standby; primary_absent: there is none to clone from yet.
struct RejoinEnded {
    BootstrapOutcome outcome{};
};
struct StraysGone {};
struct StandbyMarked {};
struct RoomFound {
    bool enough = false;
};
struct LaunchFailed {};
struct PostmasterExited {
    bool hopeless = false;  // started again it would end so again: its recovery target, or whom it follows, forbids it
};
// The server answers queries; its role. Also sent when the role has changed.
struct Accepting {
    Role role{};
};
struct CheckpointEnded {};  // with or without success
struct FenceStored {};
struct FenceRemoved {};
// Another part, or another primary to follow.
struct PartGiven {
    Part part{};
    bool other_primary = false;
};
// A running standby cannot follow the primary: its data has parted from it, or WAL that it needs is gone.
struct CannotFollow {};
// The right of the term before is about to end: what still writes must not be waited for.
struct RightEnds {};
struct GuardLost {};  // the guard is gone and could not be replaced
struct DeadlinePassed {};
struct EndRequested {
    StopMode mode{};
};
// A command of /v1. `has_upstream`: there is a primary_conninfo that a demoted instance could follow.
struct Asked {
    Verb verb{};
    bool has_upstream = false;
};

using Event = std::variant<Begin, VolumeJudged, BootstrapEnded, RejoinEnded, StraysGone, StandbyMarked, RoomFound,
                           LaunchFailed, PostmasterExited, Accepting, CheckpointEnded, FenceStored, FenceRemoved,
                           PartGiven, CannotFollow, RightEnds, GuardLost, DeadlinePassed, EndRequested, Asked>;

struct InspectVolume {};
struct Bootstrap {};
struct CancelBootstrap {
    bool kill = false;
};
struct Rejoin {};
struct CancelRejoin {
    bool kill = false;
};
struct FollowPrimary {};  // a running standby: the primary that is known now
struct ClearStrays {};
struct MarkStandby {};
struct CheckRoom {};
struct Launch {
    bool alone = false;  // a standby: following nobody, on the timeline that it is on
};
struct StopPostgres {
    StopMode mode{};
};
struct KillPostgres {};
struct Checkpoint {
    bool asked = false;  // by a command; else before a stop, which has its own limit
};
struct Promote {};
struct Reload {};
struct StoreFence {};   // answered by FenceStored, however long it takes
struct RemoveFence {};  // answered by FenceRemoved, however long it takes
struct End {
    int exit_status = 0;
};

using Action = std::variant<InspectVolume, Bootstrap, CancelBootstrap, Rejoin, CancelRejoin, FollowPrimary, ClearStrays,
                            MarkStandby, CheckRoom, Launch, StopPostgres, KillPostgres, Checkpoint, Promote, Reload,
                            StoreFence, RemoveFence, End>;

// No heap: stopping postgres must work when memory is gone.
class Actions {
public:
    static constexpr std::size_t most = 4;

    void add(Action action) {
        assert(size_ < most);
        actions_[size_++] = action;
    }
    [[nodiscard]] const Action* begin() const { return actions_.data(); }
    [[nodiscard]] const Action* end() const { return actions_.data() + size_; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    std::array<Action, most> actions_{};
    std::size_t size_ = 0;
};

// What is said to somebody who asked.
enum class Verdict {
    accepted,
    already_so,
    refused_fenced,
    refused_ending,
    refused_bootstrapping,
    refused_not_running,
    refused_not_standby,
    refused_no_upstream,
    refused_busy,       // another stop, promotion, demotion or rejoin is under way
    refused_managed,    // a controller decides about it
    refused_unmanaged,  // nobody says whom it would be cloned from
    refused_failed,     // nothing can run here until a person has mended the volume
};
bool is_refusal(Verdict verdict);
std::string_view reason(Verdict verdict);
std::string_view hint(Verdict verdict);

std::string_view name_of(const Event& event);
std::string_view name_of(const Action& action);

}  // namespace pgbosun::instance
