#include "instance/state.hpp"

#include <utility>

namespace pgbosun::instance {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

Phase phase_before_running(Cause cause) {
    switch (cause) {
        case Cause::start:
        case Cause::unfence: return Phase::starting;
        case Cause::restart:
        case Cause::crash: return Phase::restarting;
        case Cause::demote: return Phase::demoting;
        case Cause::rejoin: return Phase::rejoining;
    }
    std::unreachable();
}

Phase phase_while_stopping(Purpose purpose) {
    switch (purpose) {
        case Purpose::end:
        case Purpose::fence:
        case Purpose::guard: return Phase::stopping;
        case Purpose::isolate: return Phase::isolated;
        case Purpose::rejoin: return Phase::rejoining;
        case Purpose::restart: return Phase::restarting;
        case Purpose::demote: return Phase::demoting;
    }
    std::unreachable();
}

}  // namespace

std::string_view to_string(Part part) {
    switch (part) {
        case Part::own: return "its own authority";
        case Part::unknown: return "not known";
        case Part::standby: return "standby";
        case Part::isolated: return "primary without the right to write";
        case Part::primary: return "primary";
    }
    std::unreachable();
}

std::string_view to_string(StopMode mode) {
    switch (mode) {
        case StopMode::smart: return "smart";
        case StopMode::fast: return "fast";
        case StopMode::immediate: return "immediate";
    }
    std::unreachable();
}

bool has_postmaster(const InstanceState& state) {
    return std::holds_alternative<Launching>(state.activity) || std::holds_alternative<Running>(state.activity) ||
           std::holds_alternative<Checkpointing>(state.activity) || std::holds_alternative<Promoting>(state.activity) ||
           std::holds_alternative<Stopping>(state.activity);
}

bool takes_no_writes(const InstanceState& state) {
    return std::visit(Overloaded{
                          [](const Inspecting&) { return false; },  // strays are not known to be gone
                          [](const Clearing&) { return false; },
                          [](const Bootstrapping&) { return false; },
                          [&](const Launching&) { return state.ready_for == Part::standby; },
                          [](const Running& it) { return it.role == Role::standby; },
                          [](const Checkpointing&) { return false; },
                          [](const Promoting&) { return false; },
                          [](const Stopping&) { return false; },
                          [](const auto&) { return true; },
                      },
                      state.activity);
}

Phase phase_of(const InstanceState& state) {
    return std::visit(Overloaded{
                          [](const Bootstrapping&) { return Phase::bootstrapping; },
                          [](const MarkingStandby&) { return Phase::demoting; },
                          [](const Rejoining&) { return Phase::rejoining; },
                          [&](const AwaitingRight&) {
                              return state.desired.part == Part::isolated ? Phase::isolated : Phase::starting;
                          },
                          [&](const Running&) { return state.recovering ? Phase::bootstrapping : Phase::running; },
                          [](const Promoting&) { return Phase::promoting; },
                          [](const Checkpointing& it) { return phase_while_stopping(it.purpose); },
                          [](const Stopping& it) { return phase_while_stopping(it.purpose); },
                          [](const Fenced&) { return Phase::fenced; },
                          [](const Failed&) { return Phase::failed; },
                          [](const Ended&) { return Phase::stopped; },
                          [&](const auto&) {
                              const bool unwanted = state.desired.end || state.desired.fence != Fence::off;
                              if (unwanted) return Phase::stopping;
                              return state.recovering ? Phase::bootstrapping : phase_before_running(state.cause);
                          },
                      },
                      state.activity);
}

std::optional<Instant> next_deadline(const InstanceState& state) {
    using Deadline = std::optional<Instant>;
    return std::visit(Overloaded{
                          [](const Inspecting& it) { return it.again_at; },
                          [](const Bootstrapping& it) { return it.kill_at; },
                          [](const Rejoining& it) { return it.kill_at ? it.kill_at : it.again_at; },
                          [](const WaitingForRoom& it) { return Deadline(it.again_at); },
                          [](const BackingOff& it) { return Deadline(it.until); },
                          [](const Checkpointing& it) { return Deadline(it.deadline); },
                          [](const Promoting& it) { return Deadline(it.deadline); },
                          [](const Stopping& it) { return Deadline(it.next_step_at); },
                          [](const auto&) { return Deadline(); },
                      },
                      state.activity);
}

std::string_view name_of(const Activity& activity) {
    return std::visit(Overloaded{
                          [](const Inspecting&) { return "inspecting"; },
                          [](const Bootstrapping&) { return "bootstrapping"; },
                          [](const Clearing&) { return "clearing"; },
                          [](const MarkingStandby&) { return "marking_standby"; },
                          [](const Rejoining&) { return "rejoining"; },
                          [](const AwaitingRight&) { return "awaiting_right"; },
                          [](const CheckingRoom&) { return "checking_room"; },
                          [](const WaitingForRoom&) { return "waiting_for_room"; },
                          [](const BackingOff&) { return "backing_off"; },
                          [](const Launching&) { return "launching"; },
                          [](const Running&) { return "running"; },
                          [](const Checkpointing&) { return "checkpointing"; },
                          [](const Promoting&) { return "promoting"; },
                          [](const Stopping&) { return "stopping"; },
                          [](const Fenced&) { return "fenced"; },
                          [](const Failed&) { return "failed"; },
                          [](const Ended&) { return "ended"; },
                      },
                      activity);
}

}  // namespace pgbosun::instance
