#include "instance/events.hpp"

#include <utility>

namespace pgbosun::instance {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

std::string_view name_of(VolumeVerdict verdict) {
    switch (verdict) {
        case VolumeVerdict::empty: return "volume is empty";
        case VolumeVerdict::unfinished: return "volume holds an unfinished bootstrap";
        case VolumeVerdict::usable: return "volume is usable";
        case VolumeVerdict::occupied: return "volume is occupied";
        case VolumeVerdict::unreadable: return "volume is unreadable";
        case VolumeVerdict::refused: return "volume is refused";
    }
    std::unreachable();
}

}  // namespace

bool is_refusal(Verdict verdict) { return verdict != Verdict::accepted && verdict != Verdict::already_so; }

std::string_view reason(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted: return "accepted";
        case Verdict::already_so: return "it is so already";
        case Verdict::refused_fenced: return "the instance is fenced";
        case Verdict::refused_ending: return "pgbosun is ending";
        case Verdict::refused_bootstrapping: return "the data directory is being made";
        case Verdict::refused_not_running: return "PostgreSQL is not running";
        case Verdict::refused_not_standby: return "the instance is not a standby";
        case Verdict::refused_no_upstream: return "there is no primary to follow";
        case Verdict::refused_busy: return "another stop, promotion, demotion or rejoin is under way";
        case Verdict::refused_managed: return "a controller decides who is the primary";
        case Verdict::refused_unmanaged: return "no controller says whom it would be cloned from";
        case Verdict::refused_failed: return "the data directory cannot be used";
    }
    std::unreachable();
}

std::string_view hint(Verdict verdict) {
    switch (verdict) {
        case Verdict::accepted:
        case Verdict::already_so: return "";
        case Verdict::refused_fenced: return "lift the fence first: pgbosun unfence";
        case Verdict::refused_ending: return "ask again when it has been started anew";
        case Verdict::refused_bootstrapping: return "wait until the phase is running; status shows the progress";
        case Verdict::refused_not_running: return "see the phase and its reason in pgbosun status";
        case Verdict::refused_not_standby:
            return "only a standby can be cloned anew; pgbosun-controller switchover makes it one";
        case Verdict::refused_no_upstream:
            return "name the new primary, such as host=pg-2 port=5432: --upstream, or upstream in the request; or set "
                   "bootstrap.join.primary_conninfo";
        case Verdict::refused_busy: return "wait for its end; pgbosun status --watch shows it";
        case Verdict::refused_managed: return "pgbosun-controller switchover, or failover --to NAME";
        case Verdict::refused_unmanaged:
            return "pgbosun fence, move the data directory away, set bootstrap.join.primary_conninfo, pgbosun unfence";
        case Verdict::refused_failed: return "mend what status names, then: pgbosun restart";
    }
    std::unreachable();
}

std::string_view name_of(const Event& event) {
    return std::visit(
        Overloaded{
            [](const Begin& it) -> std::string_view { return it.fence_found ? "begin, fence found" : "begin"; },
            [](const VolumeJudged& it) { return name_of(it.verdict); },
            [](const BootstrapEnded& it) -> std::string_view {
                switch (it.outcome) {
                    case BootstrapOutcome::done: return "bootstrap is done";
                    case BootstrapOutcome::failed: return "bootstrap failed";
                    case BootstrapOutcome::primary_absent: return "what to bootstrap from is absent";
                    case BootstrapOutcome::refused: return "bootstrap is refused";
                }
                std::unreachable();
            },
            [](const RejoinEnded& it) -> std::string_view {
                switch (it.outcome) {
                    case BootstrapOutcome::done: return "rejoin is done";
                    case BootstrapOutcome::failed: return "rejoin failed";
                    case BootstrapOutcome::primary_absent: return "the primary to clone is absent";
                    case BootstrapOutcome::refused: return "rejoin is refused";
                }
                std::unreachable();
            },
            [](const StraysGone&) -> std::string_view { return "strays are gone"; },
            [](const StandbyMarked&) -> std::string_view { return "standby.signal is written"; },
            [](const RoomFound& it) -> std::string_view { return it.enough ? "room enough" : "no room"; },
            [](const LaunchFailed&) -> std::string_view { return "launch failed"; },
            [](const PostmasterExited& it) -> std::string_view {
                return it.hopeless ? "postmaster exited for good" : "postmaster exited";
            },
            [](const Accepting& it) -> std::string_view {
                return it.role == Role::primary ? "accepts queries as primary" : "accepts queries as standby";
            },
            [](const CheckpointEnded&) -> std::string_view { return "checkpoint ended"; },
            [](const FenceStored&) -> std::string_view { return "fence is on disk"; },
            [](const FenceRemoved&) -> std::string_view { return "fence is off the disk"; },
            [](const PartGiven& it) -> std::string_view {
                switch (it.part) {
                    case Part::own: return "it is its own authority";
                    case Part::unknown: return "nobody is the primary";
                    case Part::standby: return it.other_primary ? "follow another primary" : "be a standby";
                    case Part::isolated: return "the right to write is gone";
                    case Part::primary: return "be the primary";
                }
                std::unreachable();
            },
            [](const CannotFollow&) -> std::string_view { return "cannot follow the primary"; },
            [](const RightEnds&) -> std::string_view { return "the last right ends"; },
            [](const GuardLost&) -> std::string_view { return "guard is lost"; },
            [](const DeadlinePassed&) -> std::string_view { return "deadline passed"; },
            [](const EndRequested& it) -> std::string_view {
                switch (it.mode) {
                    case StopMode::smart: return "end requested, smart";
                    case StopMode::fast: return "end requested, fast";
                    case StopMode::immediate: return "end requested, immediate";
                }
                std::unreachable();
            },
            [](const Asked& it) { return to_string(it.verb); },
        },
        event);
}

std::string_view name_of(const Action& action) {
    return std::visit(
        Overloaded{
            [](const InspectVolume&) { return "inspect the volume"; },
            [](const Bootstrap&) { return "bootstrap"; },
            [](const CancelBootstrap& it) { return it.kill ? "kill the bootstrap" : "cancel the bootstrap"; },
            [](const Rejoin&) { return "rejoin"; },
            [](const CancelRejoin& it) { return it.kill ? "kill the rejoin" : "cancel the rejoin"; },
            [](const FollowPrimary&) { return "follow"; },
            [](const ClearStrays&) { return "kill strays"; },
            [](const MarkStandby&) { return "write standby.signal"; },
            [](const CheckRoom&) { return "check for room"; },
            [](const Launch&) { return "launch postgres"; },
            [](const StopPostgres& it) {
                switch (it.mode) {
                    case StopMode::smart: return "stop postgres, smart";
                    case StopMode::fast: return "stop postgres, fast";
                    case StopMode::immediate: return "stop postgres, immediate";
                }
                std::unreachable();
            },
            [](const KillPostgres&) { return "kill postgres"; },
            [](const Checkpoint&) { return "checkpoint"; },
            [](const Promote&) { return "promote"; },
            [](const Reload&) { return "reload"; },
            [](const StoreFence&) { return "store the fence"; },
            [](const RemoveFence&) { return "remove the fence"; },
            [](const End& it) { return it.exit_status == 0 ? "end" : "give up"; },
        },
        action);
}

}  // namespace pgbosun::instance
