#include "walk.hpp"

#include <algorithm>
#include <variant>

namespace pgbosun::test {
namespace {

using namespace instance;
using namespace std::chrono_literals;

constexpr Instant epoch{std::chrono::hours(1000)};

// Two states that differ only in how long ago something was are the same: all moments are kept relative to
// `epoch`, and what is past counts as just now.
void rebase(Instant& moment, Instant now) { moment = std::max(epoch, epoch + (moment - now)); }

// An answer is due only while the activity that asked for it lasts: the performer drops a late one.
void drop_late_answers(Node& node) {
    auto& [state, world] = node;
    world.judging &= std::holds_alternative<Inspecting>(state.activity);
    world.clearing &= std::holds_alternative<Clearing>(state.activity);
    world.marking &= std::holds_alternative<MarkingStandby>(state.activity);
    world.measuring &= std::holds_alternative<CheckingRoom>(state.activity);
    world.checkpointing &= std::holds_alternative<Checkpointing>(state.activity);
    world.storing &= state.desired.fence == Fence::storing;
    world.removing &= state.desired.fence == Fence::removing;
}

Node normalised(Node node, Instant now, const Policy& policy) {
    drop_late_answers(node);
    auto& state = node.state;
    const bool window_over = state.crashes.count > 0 && now - state.crashes.window_began > policy.restart_period;
    if (window_over) state.crashes = Crashes{};
    if (state.crashes.count > 0) state.crashes.window_began = epoch + (state.crashes.window_began - now);
    std::visit(
        [&](auto& it) {
            using Kind = std::decay_t<decltype(it)>;
            if constexpr (std::is_same_v<Kind, Inspecting>) {
                if (it.again_at) rebase(*it.again_at, now);
            } else if constexpr (std::is_same_v<Kind, Bootstrapping>) {
                if (it.kill_at) rebase(*it.kill_at, now);
            } else if constexpr (std::is_same_v<Kind, Rejoining>) {
                if (it.again_at) rebase(*it.again_at, now);
                if (it.kill_at) rebase(*it.kill_at, now);
            } else if constexpr (std::is_same_v<Kind, WaitingForRoom>) {
                rebase(it.again_at, now);
            } else if constexpr (std::is_same_v<Kind, BackingOff>) {
                rebase(it.until, now);
            } else if constexpr (std::is_same_v<Kind, Checkpointing>) {
                rebase(it.deadline, now);
                it.stop_began = epoch + (it.stop_began - now);
            } else if constexpr (std::is_same_v<Kind, Promoting>) {
                rebase(it.deadline, now);
            } else if constexpr (std::is_same_v<Kind, Stopping>) {
                rebase(it.next_step_at, now);
                rebase(it.kill_at, now);
            }
        },
        state.activity);
    return node;
}

void apply(World& world, const Action& action) {
    std::visit(
        [&](const auto& it) {
            using Kind = std::decay_t<decltype(it)>;
            if constexpr (std::is_same_v<Kind, InspectVolume>) world.judging = true;
            if constexpr (std::is_same_v<Kind, Bootstrap>) world.tool = true;
            if constexpr (std::is_same_v<Kind, Rejoin>) world.rejoining = true;
            if constexpr (std::is_same_v<Kind, ClearStrays>) world.clearing = true;
            if constexpr (std::is_same_v<Kind, MarkStandby>) world.marking = true;
            if constexpr (std::is_same_v<Kind, CheckRoom>) world.measuring = true;
            if constexpr (std::is_same_v<Kind, Launch>) world.postmaster = true;
            if constexpr (std::is_same_v<Kind, Checkpoint>) world.checkpointing = true;
            if constexpr (std::is_same_v<Kind, StoreFence>) world.storing = true;
            if constexpr (std::is_same_v<Kind, RemoveFence>) world.removing = true;
        },
        action);
}

struct Possible {
    Event event;
    World after;
    bool commanded = false;
};

constexpr BootstrapOutcome outcomes[] = {BootstrapOutcome::done, BootstrapOutcome::failed,
                                         BootstrapOutcome::primary_absent, BootstrapOutcome::refused};

std::vector<Possible> possible(const Node& node, Authority authority) {
    std::vector<Possible> all;
    const World& world = node.world;
    const auto happens = [&](Event event, auto change) {
        World after = world;
        change(after);
        all.push_back({event, after});
    };
    if (!world.begun) {
        const auto begin = [&](Part part) {
            for (const bool fenced : {false, true})
                happens(Begin{fenced, part}, [](World& after) { after.begun = true; });
        };
        if (authority == Authority::standalone) {
            begin(Part::own);
        } else {
            for (const auto part : {Part::unknown, Part::standby, Part::isolated, Part::primary}) begin(part);
        }
        // The API answers before.
        if (world.storing) happens(FenceStored{}, [](World& after) { after.storing = false; });
        happens(GuardLost{}, [](World&) {});
        all.push_back({EndRequested{StopMode::fast}, world, true});
        for (const auto verb : {Verb::fence, Verb::unfence, Verb::restart, Verb::promote, Verb::demote})
            all.push_back({Asked{verb, true}, world, true});
        return all;
    }
    if (world.judging) {
        const bool whole = authority == Authority::standalone;
        for (const auto verdict : {VolumeVerdict::empty, VolumeVerdict::unfinished, VolumeVerdict::usable,
                                   VolumeVerdict::occupied, VolumeVerdict::unreadable, VolumeVerdict::refused}) {
            if (!whole && (verdict == VolumeVerdict::unfinished || verdict == VolumeVerdict::unreadable)) continue;
            for (const bool recovering : {false, true})
                if (whole || !recovering)
                    happens(VolumeJudged{verdict, recovering}, [verdict](World& after) {
                        after.judging = false;
                        after.ours = verdict == VolumeVerdict::empty || verdict == VolumeVerdict::unfinished ||
                                     verdict == VolumeVerdict::usable;
                    });
        }
    }
    if (world.tool) {
        for (const auto outcome : outcomes) happens(BootstrapEnded{outcome}, [](World& after) { after.tool = false; });
    }
    if (world.rejoining) {
        for (const auto outcome : outcomes)
            happens(RejoinEnded{outcome}, [](World& after) { after.rejoining = false; });
    }
    if (world.clearing) {
        happens(StraysGone{}, [](World& after) { after.clearing = after.strays = after.own_strays = false; });
    }
    if (world.marking) happens(StandbyMarked{}, [](World& after) { after.marking = false; });
    if (world.measuring) {
        for (const bool enough : {false, true}) {
            happens(RoomFound{enough}, [](World& after) { after.measuring = false; });
        }
    }
    if (world.checkpointing) happens(CheckpointEnded{}, [](World& after) { after.checkpointing = false; });
    if (world.storing) happens(FenceStored{}, [](World& after) { after.storing = false; });
    if (world.removing) happens(FenceRemoved{}, [](World& after) { after.removing = false; });
    if (world.postmaster) {
        const auto dies = [](World& after) {
            after.postmaster = false;
            after.strays = after.own_strays = true;
        };
        happens(PostmasterExited{}, dies);
        if (authority == Authority::standalone) happens(PostmasterExited{true}, dies);
        if (std::holds_alternative<Launching>(node.state.activity)) happens(LaunchFailed{}, dies);
        for (const auto role : {Role::primary, Role::standby}) happens(Accepting{role}, [](World&) {});
    }
    if (authority == Authority::managed) {
        for (const auto part : {Part::standby, Part::isolated, Part::primary}) {
            for (const bool other : {false, true}) all.push_back({PartGiven{part, other}, world, true});
        }
        all.push_back({CannotFollow{}, world, true});
        all.push_back({RightEnds{}, world, true});
    }
    happens(DeadlinePassed{}, [](World&) {});
    happens(GuardLost{}, [](World&) {});
    const auto command = [&](Event event) { all.push_back({event, world, true}); };
    if (authority == Authority::managed) {
        command(EndRequested{StopMode::fast});
        for (const auto verb : {Verb::fence, Verb::unfence, Verb::restart, Verb::promote, Verb::reclone})
            command(Asked{verb});
        return all;
    }
    for (const auto mode : {StopMode::smart, StopMode::fast, StopMode::immediate}) command(EndRequested{mode});
    for (const auto verb :
         {Verb::fence, Verb::unfence, Verb::restart, Verb::reload, Verb::checkpoint, Verb::promote, Verb::demote}) {
        for (const bool upstream : {false, true}) command(Asked{verb, upstream});
    }
    return all;
}

}  // namespace

Policy walk_policy(Authority authority) {
    Policy policy;
    if (authority == Authority::managed) {
        policy.stop_timeout = 12s;
        policy.checkpoint_timeout = 2s;
        policy.restart_intensity = 0;
        return policy;
    }
    policy.smart_timeout = 3s;
    policy.stop_timeout = 12s;
    policy.checkpoint_timeout = 2s;
    policy.restart_intensity = 2;
    policy.restart_period = 4s;
    return policy;
}

Graph walk(Authority authority, const std::function<void(const Edge&)>& visit) {
    Graph graph;
    std::map<Node, std::size_t> numbers;
    const auto number_of = [&](const Node& node) {
        const auto [place, added] = numbers.emplace(node, graph.nodes.size());
        if (added) {
            graph.nodes.push_back(node);
            graph.uncommanded.emplace_back();
        }
        return place->second;
    };
    number_of(Node{});
    const Policy policy = walk_policy(authority);
    for (std::size_t current = 0; current < graph.nodes.size(); ++current) {
        const Node from = graph.nodes[current];
        std::vector<Instant> moments{epoch};
        if (const auto deadline = next_deadline(from.state)) moments.push_back(*deadline);
        for (const Possible& chance : possible(from, authority)) {
            for (const Instant now : moments) {
                const Decision decision = decide(from.state, chance.event, now, policy);
                Node to{decision.state, chance.after};
                for (const Action& action : decision.actions) apply(to.world, action);
                to = normalised(to, now, policy);
                visit(Edge{from, chance.event, decision, to, chance.commanded});
                const std::size_t next = number_of(to);
                if (!chance.commanded) graph.uncommanded[current].push_back(next);
            }
        }
    }
    return graph;
}

}  // namespace pgbosun::test
