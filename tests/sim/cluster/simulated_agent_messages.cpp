// What the agent does with a message, and how it does it wrongly when a rule is taken out.

#include "simulated_agent.hpp"

namespace pgbosun::sim {

void SimulatedAgent::report_to(int, std::function<void(controller::Report)> answer) {
    inbox([this, answer = std::move(answer)] {
        if (world_.setting().brisk) look();
        answer(report());
    });
}

void SimulatedAgent::spoil(Assignment& assignment) {
    if (world_.without(Sabotage::fast_forward)) assignment.upstream.clear();
    if (assignment.lease) {
        if (world_.without(Sabotage::echo)) assignment.lease->echo = {right_.boot_id, clock()};
        if (world_.without(Sabotage::boot_id)) assignment.lease->echo.boot_id = right_.boot_id;
        if (world_.without(Sabotage::clock_margin)) assignment.lease->ttl = simulated_ttl;
    }
    if (world_.without(Sabotage::promise_honoured)) right_.promised_until.reset();
    if (world_.without(Sabotage::list_order) && assignment.term == right_.record.term)
        right_.record.promotable.version = 0;
    if (world_.without(Sabotage::old_terms_refused) && assignment.term < right_.record.term) {
        right_.record.term = 0;
        right_.record.primary.clear();
    }
    if (world_.without(Sabotage::data_term)) assignment.at_least.term = 0;
}

void SimulatedAgent::assigned(const Assignment& given) {
    inbox([this, given] {
        Assignment assignment = given;
        const auto before = right_.record;
        if (!world_.without(Sabotage::none)) spoil(assignment);
        instance::Local local;
        local.data = primary_data_ ? instance::Data::primary : instance::Data::standby;
        if (torn_ || postgres_ == Postgres::rejoining) local.data = instance::Data::none;
        local.timeline = Timeline{wal_.timeline};
        local.lsn = Lsn{wal_.end};
        local.fenced = fence_ > 0;
        local.ending = ending_;
        const bool was_primary = is_primary(right_);
        auto reception = instance::receive(right_, assignment, local, clock());
        if (reception.refusal || is_primary(reception.right) != was_primary) {
            world_.note(node_, [&] {
                return "told term " + std::to_string(assignment.term) + " primary " + assignment.primary + ": " +
                       std::string(reception.refusal ? reason(*reception.refusal) : "accepted");
            });
        }
        adopt(std::move(reception.right));
        look();
        if (right_.record != before) store({});
    });
}

void SimulatedAgent::asked_to_promise(int from, const PromiseRequest& given) {
    inbox([this, from, given] {
        PromiseRequest request = given;
        if (world_.without(Sabotage::promise_new_volume) && right_.record.term == 0) right_.record.term = given.term;
        const auto before = right_.record;
        const Term asked = request.term;
        if (world_.without(Sabotage::highest_term_only) && request.term < right_.record.term && !is_primary(right_)) {
            request.term = right_.record.term;
            request.from = right_.record.primary;
        }
        if (world_.without(Sabotage::clock_margin)) request.lease.ttl = simulated_ttl * 20 / 21;
        auto given_now = instance::give_promise(right_, request, clock());
        adopt(std::move(given_now.right));
        auto answer = given_now.answer;
        if (world_.without(Sabotage::highest_term_only)) answer.term = asked;
        if (world_.without(Sabotage::clock_margin)) answer.lease.ttl = simulated_ttl;
        const auto reply = [this, from, answer] {
            SimulatedAgent& asker = world_.agent(from);
            world_.send(node_, from, [&asker, answer] { asker.promised(answer); });
        };
        if (right_.record != before) {
            store(reply);
        } else {
            reply();
        }
    });
}

void SimulatedAgent::promised(const PromiseAnswer& given) {
    inbox([this, given] {
        PromiseAnswer answer = given;
        if (world_.without(Sabotage::promise_from_sending)) answer.lease.echo = {right_.boot_id, clock()};
        auto right = instance::take_promise(right_, answer, clock());
        if (world_.without(Sabotage::promise_by_all)) {
            const auto names = right.record.promotable.names;
            for (const auto& name : names) {
                answer.from = name;
                right = instance::take_promise(right, answer, clock());
            }
        }
        adopt(std::move(right));
    });
}

}  // namespace pgbosun::sim
