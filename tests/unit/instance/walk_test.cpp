#include "walk.hpp"

#include <algorithm>
#include <set>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;
using pgbosun::test::Edge;

namespace {

template <class Kind>
bool does(const Decision& decision) {
    return std::any_of(decision.actions.begin(), decision.actions.end(),
                       [](const Action& action) { return std::holds_alternative<Kind>(action); });
}

bool unwanted(const InstanceState& state) { return state.desired.end || state.desired.fence != Fence::off; }

bool at_rest(const InstanceState& state) {
    return std::holds_alternative<Running>(state.activity) || std::holds_alternative<Fenced>(state.activity) ||
           std::holds_alternative<Failed>(state.activity) || std::holds_alternative<Ended>(state.activity) ||
           std::holds_alternative<AwaitingRight>(state.activity);
}

std::string describe(const Edge& edge) {
    return std::string(name_of(edge.from.state.activity)) + " --" + std::string(name_of(edge.event)) + "--> " +
           std::string(name_of(edge.to.state.activity));
}

}  // namespace

TEST_CASE("in every state that the instance can reach, its rules hold") {
    std::set<std::string> broken;
    const auto rule = [&](bool holds, const char* name, const Edge& edge) {
        if (!holds) broken.insert(std::string(name) + ": " + describe(edge));
    };

    const auto authority = GENERATE(test::Authority::standalone, test::Authority::managed);
    const auto graph = test::walk(authority, [&](const Edge& edge) {
        const auto& [from, event, decision, to, commanded] = edge;
        const Part part = to.state.desired.part;
        if (does<Launch>(decision)) {
            rule(!from.world.postmaster, "postgres is never started while one is alive", edge);
            rule(!from.world.strays, "postgres is never started beside strays of the last one", edge);
            rule(!from.world.tool, "postgres is never started while a tool makes its directory", edge);
            rule(!unwanted(from.state), "postgres is never started when fenced or ending", edge);
            rule(!from.world.rejoining, "postgres is never started while its data is brought in step", edge);
            rule(allows_writes(part) || part == Part::standby, "postgres is never started without a part that needs it",
                 edge);
            rule(to.state.ready_for == part, "postgres is started only for the part that its data was judged for",
                 edge);
        }
        if (does<Rejoin>(decision)) {
            rule(!to.world.postmaster && !to.world.strays, "data is brought in step only when nothing runs on it",
                 edge);
            rule(part == Part::standby, "only a standby's data is brought in step", edge);
        }
        if (does<Promote>(decision)) rule(allows_writes(part), "only who may write is promoted", edge);
        const bool writes_on = std::holds_alternative<Promoting>(to.state.activity) ||
                               to.state.activity == Activity(Running{Role::primary});
        rule(!writes_on || allows_writes(part), "without the right nothing that writes runs on", edge);
        const auto* given = std::get_if<PartGiven>(&event);
        const bool lost = (given && given->part == Part::isolated) || std::holds_alternative<RightEnds>(event);
        if (lost && to.world.postmaster && !takes_no_writes(to.state)) {
            const auto* stopping = std::get_if<Stopping>(&to.state.activity);
            const bool hard = stopping && (stopping->killing || stopping->mode == StopMode::immediate);
            rule(hard, "when the right ends nothing is waited for", edge);
        }
        if (takes_no_writes(to.state) && to.world.postmaster && authority == test::Authority::managed) {
            const auto* running = std::get_if<Running>(&to.state.activity);
            rule(running ? running->role == Role::standby : std::holds_alternative<Launching>(to.state.activity),
                 "who says that it takes no writes runs a standby at most", edge);
        }
        if (does<ClearStrays>(decision)) {
            rule(to.world.ours, "another server's processes are never killed as strays", edge);
        }
        if (does<Bootstrap>(decision)) {
            rule(!from.world.postmaster, "nothing is bootstrapped while postgres is alive", edge);
            rule(!unwanted(from.state), "nothing is bootstrapped when fenced or ending", edge);
        }
        if (does<End>(decision)) {
            rule(!to.world.postmaster, "pgbosun never ends leaving postgres behind", edge);
            rule(!to.world.tool && !to.world.rejoining, "pgbosun never ends leaving a tool behind", edge);
            rule(!to.world.own_strays, "pgbosun never ends leaving strays", edge);
        }
        if (does<StopPostgres>(decision) || does<KillPostgres>(decision) || does<Promote>(decision)) {
            rule(to.world.postmaster, "only a postmaster that exists is signalled", edge);
        }
        rule(has_postmaster(to.state) == to.world.postmaster, "the state knows whether a postmaster exists", edge);
        if (std::holds_alternative<Asked>(event)) {
            rule(decision.verdict.has_value(), "everybody who asks gets an answer", edge);
            const bool unchanged = decision.state == from.state && decision.actions.size() == 0;
            rule(!decision.verdict || !is_refusal(*decision.verdict) || unchanged, "a refusal changes nothing", edge);
        }
        if (from.state.recovering) {
            rule(!does<Promote>(decision), "a recovery to a target is never cut short by a promotion", edge);
            rule(phase_of(to.state) != Phase::running || !to.state.recovering,
                 "a recovering server does not get traffic", edge);
        }
        const auto* died = std::get_if<PostmasterExited>(&event);
        if (died != nullptr && died->hopeless && !std::holds_alternative<Stopping>(from.state.activity)) {
            const auto* clearing = std::get_if<Clearing>(&to.state.activity);
            rule(!from.world.postmaster || (clearing && clearing->next == AfterClearing::rest),
                 "what would end so again is not started again", edge);
        }
        const auto* asked = std::get_if<Asked>(&event);
        if (asked != nullptr && asked->verb == Verb::fence && decision.verdict == Verdict::accepted) {
            rule(does<StoreFence>(decision), "a fence is stored at once", edge);
            const bool stopping = std::holds_alternative<Stopping>(to.state.activity);
            rule(!to.world.postmaster || stopping, "a fence stops postgres at once", edge);
        }
        if (std::holds_alternative<Running>(to.state.activity)) {
            rule(!unwanted(to.state), "a fenced or ending instance does not run on", edge);
        }
        if (from.state.desired.end) {
            rule(to.state.desired.end >= from.state.desired.end, "an end is never taken back", edge);
        }
    });

    for (const auto& text : broken) UNSCOPED_INFO(text);
    CHECK(broken.empty());
    CHECK(graph.nodes.size() > 500);
}

TEST_CASE("every state leads on to one at rest without anybody's command") {
    const auto authority = GENERATE(test::Authority::standalone, test::Authority::managed);
    const auto graph = test::walk(authority, [](const Edge&) {});
    std::vector<std::vector<std::size_t>> back(graph.nodes.size());
    for (std::size_t from = 0; from < graph.nodes.size(); ++from) {
        for (const std::size_t to : graph.uncommanded[from]) back[to].push_back(from);
    }

    std::vector<bool> reaches(graph.nodes.size(), false);
    std::vector<std::size_t> open;
    for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
        if (at_rest(graph.nodes[node].state)) open.push_back(node);
    }
    while (!open.empty()) {
        const std::size_t node = open.back();
        open.pop_back();
        if (reaches[node]) continue;
        reaches[node] = true;
        open.insert(open.end(), back[node].begin(), back[node].end());
    }

    std::set<std::string> stuck;
    for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
        if (!reaches[node]) stuck.insert(std::string(name_of(graph.nodes[node].state.activity)));
    }
    for (const auto& name : stuck) UNSCOPED_INFO(name);
    CHECK(stuck.empty());
}

TEST_CASE("every wait but crash recovery ends by itself") {
    const auto authority = GENERATE(test::Authority::standalone, test::Authority::managed);
    const auto graph = test::walk(authority, [](const Edge&) {});
    std::set<std::string> endless;
    for (const auto& [state, world] : graph.nodes) {
        const bool answer_due =
            world.judging || world.tool || world.clearing || world.marking || world.measuring || world.rejoining;
        const bool fine = !world.begun || at_rest(state) || std::holds_alternative<Launching>(state.activity) ||
                          next_deadline(state) || answer_due;
        if (!fine) endless.insert(std::string(name_of(state.activity)));
    }
    for (const auto& name : endless) UNSCOPED_INFO(name);
    CHECK(endless.empty());
}
