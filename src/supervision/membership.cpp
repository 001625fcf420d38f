#include "supervision/membership.hpp"

#include <algorithm>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;
using instance::Part;

constexpr Duration disk_retry = 1s;
constexpr Duration longest_look = 250ms;
// Of one member at a time: a question has a third of the lease time, and the next one comes after a sixth.
constexpr int most_asks = 3;
constexpr int silent_ttls = 3;  // a controller that leads has named another upstream within that
constexpr std::size_t largest_record = 256 * 1024;

RightAnswer refusal_answer(instance::Refusal refusal, std::optional<Duration> again_in) {
    RightAnswer answer;
    answer.answer = Answer::refused;
    answer.detail = instance::reason(refusal);
    answer.hint = instance::hint(refusal);
    answer.again_in = again_in;
    return answer;
}

RightAnswer failure(const Fault& fault) {
    RightAnswer answer;
    answer.answer = Answer::failed;
    answer.detail = "the volume does not take it: " + fault.what;
    answer.hint = "check the volume; nothing that needed the disk has happened";
    return answer;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text.append(text.empty() ? "" : ",").append(name);
    return text;
}

}  // namespace

// One message at a time, in the order in which they were woken. A coroutine that is destroyed with the loop never leaves: what
// it would leave is gone by then.
Task<> Membership::take_turn() {
    while (busy_) co_await free_.wait(longest_look);
    busy_ = true;
}

void Membership::leave_turn() {
    busy_ = false;
    free_.announce();
}

Membership::Membership(Surroundings& outside, const Settings& settings, std::string boot_id, Calls calls)
    : outside_(outside), settings_(settings), calls_(std::move(calls)), free_(outside.loop), look_(outside.loop) {
    stored_.cluster = settings.cluster;
    stored_.instance = settings.instance;
    right_.record = stored_;
    right_.boot_id = std::move(boot_id);
}

Task<> Membership::recall() {
    for (;;) {
        std::string path = settings_.state_directory() + "/assignment";
        const auto text = co_await outside_.files.read(std::move(path), largest_record);
        std::string trouble;
        if (text) {
            auto record = calls_.codec.decode(*text);
            if (record && record->cluster == settings_.cluster && record->instance == settings_.instance) {
                stored_ = std::move(*record);
                break;
            }
            trouble = record ? "it is of " + record->cluster + "/" + record->instance : record.error().what;
        } else if (text.error().kind == FaultKind::not_found) {
            break;
        } else {
            trouble = text.error().what;
        }
        log::error("what a controller has told this instance cannot be read, so nothing is started: " + trouble,
                   {{"file", settings_.state_directory() + "/assignment"}, {"hint", hint_to_read}});
        unreadable_ = "what a controller has told this instance cannot be read: " + trouble;
        calls_.changed();
        co_await free_.wait(disk_retry);
    }
    unreadable_.clear();
    right_ = instance::recalled(stored_, right_.boot_id, settings_.lease.ttl, outside_.clock.now());
    given_ = instance::part_of(right_, outside_.clock.now() + stop_margin());
    followed_ = right_.record.primary;
    calls_.record("cluster", "recalled: term " + std::to_string(stored_.term) + ", " + std::string(to_string(given_)),
                  {{"term", std::to_string(stored_.term)}, {"primary", stored_.primary}});
    leave_turn();
}

std::optional<Peer> Membership::primary() const {
    const AgentRecord& record = right_.record;
    if (record.primary.empty() || record.primary == record.instance) return std::nullopt;
    const auto found = std::ranges::find(record.peers, record.primary, &Peer::name);
    if (found == record.peers.end()) return std::nullopt;
    return *found;
}

std::optional<Peer> Membership::named_upstream() const {
    const AgentRecord& record = right_.record;
    const auto named = std::ranges::find(record.peers, record.upstream, &Peer::name);
    if (record.primary == record.instance || named == record.peers.end()) return primary();
    return *named;
}

std::optional<Peer> Membership::upstream() const { return choice_.past_it() ? primary() : named_upstream(); }

void Membership::note_stream(bool streams) {
    const auto named = named_upstream();
    const auto leader = primary();
    if (!named || !leader || named->name == leader->name) return;
    if (!choice_.look(streams, silent_ttls * settings_.lease.ttl, outside_.clock.now())) return;
    const std::string what = choice_.past_it() ? "nothing comes from its upstream: it streams from the primary"
                                               : "it streams from the upstream that was named for it again";
    log::warning(what, {{"upstream", named->name}, {"primary", leader->name}});
    calls_.record("cluster", what, {{"upstream", named->name}, {"primary", leader->name}});
}

Task<Result<>> Membership::store(const AgentRecord& record) {
    std::string path = settings_.state_directory() + "/assignment";
    std::string text = calls_.codec.encode(record);
    co_return co_await outside_.files.write_durably(std::move(path), std::move(text));
}

Task<Result<>> Membership::keep(instance::Right next) {
    if (next.record == stored_) {
        adopt(std::move(next));
        co_return Result<>();
    }
    const bool may_write = instance::part_of(next, outside_.clock.now()) == Part::primary;
    if (!may_write) adopt(next);
    const AgentRecord record = next.record;
    const auto done = co_await store(record);
    if (!done) co_return done;
    stored_ = record;
    adopt(std::move(next));
    calls_.changed();
    co_return Result<>();
}

void Membership::adopt(instance::Right next) {
    right_ = std::move(next);
    act();
    look_.announce();
}

// Tells postgres' side what follows from the right as it is now.
void Membership::act() {
    const Instant now = outside_.clock.now();
    calls_.guard(instance::stop_by(right_));
    const Part part = instance::part_of(right_, now + stop_margin());
    const bool other_primary = right_.record.primary != followed_;
    if (part != given_ || other_primary) {
        const Part before = std::exchange(given_, part);
        followed_ = right_.record.primary;
        if (part != before) {
            calls_.record("cluster", "is now: " + std::string(to_string(part)),
                          {{"was", std::string(to_string(before))},
                           {"term", std::to_string(right_.record.term)},
                           {"primary", right_.record.primary}});
        }
        calls_.changed();
        calls_.answer(instance::PartGiven{part, other_primary});
    }
    const bool ends = right_.stop_by && now + stop_margin() >= *right_.stop_by;
    if (part == Part::standby && ends) calls_.answer(instance::RightEnds{});
}

Task<> Membership::keep_right() {
    for (;;) {
        act();
        const Instant now = outside_.clock.now();
        const auto change = instance::next_change(right_, now + stop_margin());
        Duration wait = longest_look;
        if (change) wait = std::clamp<Duration>(*change - stop_margin() - now, 1ms, longest_look);
        co_await look_.wait(wait);
        const bool unstored = !busy_ && right_.record != stored_;
        if (unstored) {
            co_await take_turn();
            instance::Right again = right_;
            std::ignore = co_await keep(std::move(again));
            leave_turn();
        }
    }
}

Task<> Membership::collect_promises() {
    Broadcast breath(outside_.loop);
    for (;;) {
        const auto request = instance::ask_promise(right_, outside_.clock.now());
        if (request && !busy_) {
            for (const auto& name : right_.record.promotable.names) {
                const auto member = std::ranges::find(right_.record.peers, name, &Peer::name);
                if (member == right_.record.peers.end() || asks_[name] >= most_asks) continue;
                ++asks_[name];
                spawn(outside_.loop, ask(*member, *request));
            }
        }
        co_await breath.wait(settings_.lease.ttl / 6);
    }
}

Task<> Membership::ask(Peer member, PromiseRequest request) {
    const std::string name = member.name;
    const auto answer = co_await calls_.ask(std::move(member), std::move(request));
    if (--asks_[name] == 0) asks_.erase(name);
    // Who does not promise, or does not answer, gives no right: that is all there is to it.
    if (answer) co_await take(*answer);
}

Task<> Membership::take(PromiseAnswer answer) {
    co_await take_turn();
    adopt(instance::take_promise(right_, answer, outside_.clock.now()));
    leave_turn();
}

RightAnswer Membership::not_recalled() const {
    RightAnswer answer;
    answer.answer = Answer::failed;
    answer.detail = unreadable_;
    answer.hint = hint_to_read;
    return answer;
}

Task<RightAnswer> Membership::receive(Assignment assignment) {
    if (!unreadable_.empty()) co_return not_recalled();
    co_await take_turn();
    auto answer = co_await judge(std::move(assignment));
    leave_turn();
    co_return answer;
}

Task<RightAnswer> Membership::judge(Assignment assignment) {
    const Term accepted = right_.record.accepted;
    const Instant now = outside_.clock.now();
    auto reception = instance::receive(right_, assignment, calls_.local(), now);
    const auto refusal = reception.refusal;
    const auto again_at = reception.again_at;
    const bool promotion = reception.right.record.accepted != accepted;
    const auto kept = co_await keep(std::move(reception.right));
    if (promotion && kept) {
        log::warning("this instance is to be the primary", {{"term", assignment.term}});
        calls_.record("cluster", "accepted to be the primary of term " + std::to_string(assignment.term),
                      {{"term", std::to_string(assignment.term)},
                       {"promotable", joined(assignment.promotable.names)},
                       {"at_least", to_string(assignment.at_least.lsn)},
                       {"former", assignment.former == FormerPrimary::stopped ? "stopped" : "perhaps alive"}});
    }
    if (!kept) co_return failure(kept.error());
    if (!refusal) choice_.named();
    if (!refusal) co_return RightAnswer{};
    if (refused_term_ != assignment.term || refused_why_ != refusal) {
        refused_term_ = assignment.term;
        refused_why_ = refusal;
        calls_.record("cluster", "an assignment is refused: " + std::string(instance::reason(*refusal)),
                      {{"term", std::to_string(assignment.term)}, {"primary", assignment.primary}});
    }
    std::optional<Duration> again_in;
    if (again_at) again_in = *again_at - now;
    co_return refusal_answer(*refusal, again_in);
}

Task<RightAnswer> Membership::promise(PromiseRequest request) {
    if (!unreadable_.empty()) co_return not_recalled();
    co_await take_turn();
    auto answer = co_await give(std::move(request));
    leave_turn();
    co_return answer;
}

Task<RightAnswer> Membership::give(PromiseRequest request) {
    auto given = instance::give_promise(right_, request, outside_.clock.now());
    const auto refusal = given.refusal;
    RightAnswer answer;
    answer.promise = std::move(given.answer);
    const auto kept = co_await keep(std::move(given.right));
    if (!kept) co_return failure(kept.error());
    if (refusal) co_return refusal_answer(*refusal, std::nullopt);
    co_return answer;
}

void Membership::writer_gone() {
    if (!right_.stop_by) return;
    adopt(instance::stopped(right_));
}

Task<Result<>> Membership::losing_data() {
    co_await take_turn();
    auto kept = co_await keep(instance::loses_data(right_));
    leave_turn();
    co_return kept;
}

Task<Result<>> Membership::streams_from_primary(Term term) {
    co_await take_turn();
    Result<> kept;
    const bool still = right_.record.term == term && !is_primary(right_) && right_.record.data_term != term;
    if (still) kept = co_await keep(instance::streams(right_));
    leave_turn();
    co_return kept;
}

Task<Result<>> Membership::note_system(SystemId system_id) {
    co_await take_turn();
    instance::Right next = right_;
    next.record.system_id = system_id;
    auto kept = co_await keep(std::move(next));
    leave_turn();
    co_return kept;
}

}  // namespace pgbosun::supervision
