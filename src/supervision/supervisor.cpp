#include "supervision/supervisor.hpp"

#include <cassert>

namespace pgbosun::supervision {
namespace {

// Done before anybody is told, which takes memory that may be gone.
bool stops_server(const instance::Action& action) {
    return std::holds_alternative<instance::StopPostgres>(action) ||
           std::holds_alternative<instance::KillPostgres>(action);
}

}  // namespace

Supervisor::Supervisor(instance::Policy policy, const Clock& clock, Effects& effects, Witness& witness)
    : policy_(policy), clock_(clock), effects_(effects), witness_(witness) {}

std::optional<instance::Verdict> Supervisor::step(const instance::Event& event) {
    const auto decision = instance::decide(state_, event, clock_.now(), policy_);
    const instance::InstanceState before = state_;
    state_ = decision.state;
    for (const auto& action : decision.actions) {
        if (stops_server(action)) effects_.perform(action);
    }
    witness_.saw(before, event, decision);
    for (const auto& action : decision.actions) {
        if (!stops_server(action)) effects_.perform(action);
    }
    return decision.verdict;
}

void Supervisor::handle(const instance::Event& event) {
    if (handling_) {
        waiting_.push_back(event);
        return;
    }
    handling_ = true;
    step(event);
    while (!waiting_.empty()) {
        const auto next = waiting_.front();
        waiting_.pop_front();
        step(next);
    }
    handling_ = false;
}

instance::Verdict Supervisor::ask(const instance::Asked& command) {
    assert(!handling_);
    handling_ = true;
    const auto verdict = step(command);
    handling_ = false;
    while (!waiting_.empty()) {
        const auto next = waiting_.front();
        waiting_.pop_front();
        handle(next);
    }
    assert(verdict);
    return *verdict;
}

}  // namespace pgbosun::supervision
