#include "simulated_record.hpp"

#include <algorithm>
#include <utility>

#include "simulated_agent.hpp"

namespace pgbosun::sim {

void SimulatedRecord::request(int from, Happening work) {
    world_.send(from, world_.record_node(), [this, work = std::move(work)] {
        if (down_ > 0) return;
        Random random(world_.setting().seed, 900000 + requests_++);
        const Duration takes =
            slow_ > 0 ? ms(random.between(50, 6000)) : std::chrono::microseconds(random.between(300, 8000));
        world_.after(takes, work);
    });
}

void SimulatedRecord::read(int from, std::function<void(Revised)> answer) {
    request(from, [this, from, answer = std::move(answer)] {
        world_.send(world_.record_node(), from, [answer, found = stored_] { answer(found); });
    });
}

void SimulatedRecord::write(int from, controller::Record record, std::uint64_t expected,
                            std::function<void(std::optional<std::uint64_t>)> answer) {
    request(from, [this, from, record = std::move(record), expected, answer = std::move(answer)] {
        std::optional<std::uint64_t> written;
        if (expected == stored_.revision || world_.without(Sabotage::compare_and_swap)) {
            world_.must(record.term >= stored_.record.term, [] { return std::string("the record's term goes back"); });
            const auto& handed_by = stored_.record.handed_by;
            const bool forced = record.term > stored_.record.term && record.data_loss == controller::DataLoss::accepted;
            const bool by_itself = record.term > stored_.record.term && !forced && !is_old() && handed_by.empty() &&
                                   record.handed_by.empty();
            world_.must(!by_itself || !stored_.record.paused,
                        [] { return std::string("a paused cluster is failed over"); });
            if (forced) world_.forced();
            const bool handed_back = record.term > stored_.record.term && record.primary == handed_by;
            const auto& old_primary = stored_.record.primary;
            const bool has_served =
                handed_back && world_.agent(old_primary)->right().record.accepted == stored_.record.term;
            const bool other_way = record.term > stored_.record.term || !handed_by.empty();
            if (record.handed_by.empty() && other_way && (!handed_back || has_served)) world_.failed_over();
            stored_ = {record, stored_.revision + 1};
            last_of_[record.term] = record;
            written = stored_.revision;
            world_.note(world_.record_node(), [&] {
                return "term " + std::to_string(record.term) + " primary " + record.primary + ", former " +
                       std::to_string(record.former.size()) + ", list v" + std::to_string(record.promotable.version) +
                       " of " + std::to_string(record.promotable.names.size()) + " acknowledged v" +
                       std::to_string(record.acknowledged.version) + ", rule v" +
                       std::to_string(record.synchronous.version) + " after " +
                       std::to_string(record.superseded.size());
            });
        }
        world_.send(world_.record_node(), from, [answer, written] { answer(written); });
    });
}

void SimulatedRecord::put_back_earlier(Term terms) {
    const Term newest = stored_.record.term;
    const bool all_know = std::ranges::all_of(last_of_, [&](const auto& it) { return it.first <= newest; }) &&
                          world_.all_have_heard_of(newest);
    const auto earlier = last_of_.find(newest - std::min(newest, terms));
    if (!all_know || earlier == last_of_.end() || earlier->second.primary.empty()) return;
    newest_ = stored_.record;
    stored_ = {earlier->second, stored_.revision + 1};
    world_.note(world_.record_node(), [&] {
        return "the record of term " + std::to_string(newest) + " is replaced by one of term " +
               std::to_string(stored_.record.term);
    });
}

void SimulatedRecord::put_back_newest() {
    if (!is_old()) return;
    stored_ = {*std::exchange(newest_, std::nullopt), stored_.revision + 1};
    world_.note(world_.record_node(), [] { return std::string("the newest record is put back"); });
}

void SimulatedRecord::lock(int from, std::function<void(bool)> answer) {
    request(from, [this, from, answer = std::move(answer)] {
        const bool free = holder_ == from || world_.now() >= held_until_;
        if (free) {
            holder_ = from;
            held_until_ = world_.now() + lock_time;
        }
        world_.send(world_.record_node(), from, [answer, free] { answer(free); });
    });
}

}  // namespace pgbosun::sim
