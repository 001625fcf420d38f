// What an operator may ask a controller for.
#include <algorithm>

#include "controller/controller.hpp"
#include "controller/handover.hpp"
#include "controller/obstacle.hpp"
#include "controller/old_record.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::controller {
namespace {

// How long a switchover may wait for its candidate before it is given up.
constexpr Duration longest_wish = std::chrono::seconds(30);

ControlAnswer refuse(std::string detail, std::string hint = {}) {
    return {Answer::refused, std::move(detail), std::move(hint)};
}

// "pg-1,pg-2"
std::vector<std::string> names_in(const std::string& list) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at <= list.size();) {
        const auto comma = std::min(list.find(',', at), list.size());
        names.push_back(list.substr(at, comma - at));
        at = comma + 1;
    }
    return names;
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MB"; }

// Of one that the record names, and that waits to be promoted.
std::string way_to_promote(const std::string& name) {
    return "it does not serve yet: pgbosun-controller status says what it waits for; when others are lost for good, "
           "and stopped for certain: failover --to " +
           name + " --lost NAME,NAME";
}

}  // namespace

ControlAnswer Controller::command(ControllerRequest request) {
    Knowledge* known = keeper_.knowledge();
    if (known == nullptr) return refuse("this controller does not lead");
    if (!known->record && !keeper_.trouble().empty()) {
        return refuse("the record cannot be used: " + keeper_.trouble(), keeper_.hint());
    }
    log::info("an operator asks", {{"by", request.asked_by}, {"to", request.to}});
    if (known->record && !why_old(*known).empty()) return renew_record(*known, request);
    if (!known->record || known->record->term == 0) {
        return refuse("there is no primary yet", "ask again when `status` shows one");
    }
    if (request.verb == ControllerVerb::demote_cluster) return demote(*known, request);
    if (request.verb == ControllerVerb::promote_cluster) return promote(*known, request);
    const bool moves = request.verb == ControllerVerb::switchover || request.verb == ControllerVerb::failover;
    return moves ? switch_to(*known, request) : set_paused(*known, request.verb);
}

ControlAnswer Controller::switch_to(Knowledge& known, const ControllerRequest& request) {
    const Record& record = *known.record;
    if (record.primary == source_name) {
        return refuse("the cluster follows another one, and has no primary of its own",
                      "pgbosun-controller promote-cluster");
    }
    const Instant now = clock_.now();
    const bool forced = request.verb == ControllerVerb::failover;
    std::string to = request.to;
    if (!forced && !request.lost.empty())
        return refuse("who is lost is for a failover to say", "failover --to NAME --lost NAME");
    if (const Wanted* wish = forced ? nullptr : pending_wish(known)) {
        if (to.empty() || to == wish->primary) return {Answer::under_way, {}, {}};
        return refuse(
            "a switchover from " + record.primary + " to " + wish->primary + " is under way",
            "wait for its end: pgbosun-controller status; or, though commits may be lost: failover --to " + to);
    }
    if (to.empty()) {
        if (forced) return refuse("a failover needs a name", "pgbosun-controller failover --to NAME");
        const auto best = pick_for_handover(Field{known, policy_, {}, now});
        if (!best.name) return refuse(std::string("nobody can take over: ") + std::string(best.why_not));
        to = *best.name;
    }
    if (!instances_.contains(to)) return refuse("\"" + to + "\" is not an instance of this cluster");
    if (forced && !request.lost.empty()) return without_lost(known, request);
    if (to == record.primary) {
        const bool waits = forced && !is_serving(known, policy_, now);
        return refuse(to + " is the primary already", waits ? way_to_promote(to) : "");
    }
    // It is judged by what it last said, which may be some seconds old; who is known not to answer now is not waited for.
    const auto& heard = instances_.at(to).heard.status;
    if (!forced && !heard) {
        return refuse(to + " may not be promoted: it does not answer",
                      "choose another one, or wait until it answers: " + heard.error().what);
    }
    if (const auto own = obstacle(known, policy_, to, now); !own.why.empty()) {
        return refuse(to + " may not be promoted: " + std::string(own.why), std::string(own.hint));
    }
    const bool serves = is_serving(known, policy_, now);
    if (!is_listed(record, to)) {
        std::string hint = "a standby comes onto it when it streams";
        const auto primary = instances_.find(record.primary);
        const bool answers = primary != instances_.end() && primary->second.heard.status;
        if (!serves || !answers) {
            hint += "; when " + record.primary + " is lost for good, and stopped for certain: failover --to " + to +
                    " --lost " + record.primary;
        }
        return refuse(to + " may not be promoted: it is not on the promotable list", std::move(hint));
    }
    const bool fenced = !serves && holds_all_of_fenced(Field{known, policy_, {}, now}, to);
    if (!forced && !serves && !fenced) return nothing_to_hand_over(known, to);
    const Seen* candidate = find(known, to);
    if (!forced && candidate != nullptr && candidate->report.to_replay > most_to_replay) {
        return refuse(
            to + " has " + megabytes(candidate->report.to_replay) + " of WAL to replay before it could take writes",
            "wait until it has caught up; if it does not, see its `pgbosun status`: is replay paused?");
    }
    Wanted wanted{to, forced ? DataLoss::accepted : DataLoss::refused, now + longest_wish, WishStep::ready,
                  record.primary};
    if (!forced && !fenced) {
        wanted.step = WishStep::checkpoint;
        wanted.until += longest_wish;
    }
    return take_wish(known, std::move(wanted));
}

// The only one from now on: a failover by force takes the place of a switchover that has not begun.
ControlAnswer Controller::take_wish(Knowledge& known, Wanted wanted) {
    if (known.in_flight && known.in_flight->term != known.record->term) {
        return refuse("the record is being changed at this moment", "ask again");
    }
    if (const Wanted* before = pending_wish(known)) {
        log::warning("a failover takes the place of the switchover",
                     {{"to", wanted.primary}, {"before", before->primary}});
    }
    known.wanted = std::move(wanted);
    if (known.wanted->step == WishStep::checkpoint) {
        spawn(loop_, checkpoint_first(known.wanted->from, known.wanted->primary));
    }
    decide_.wake();
    return {Answer::under_way, {}, {}};
}

// Why a switchover from a primary that does not serve is refused, and what comes instead.
ControlAnswer Controller::nothing_to_hand_over(const Knowledge& known, const std::string& to) const {
    const Record& record = *known.record;
    const std::string by_force = "to force it, though commits may be lost: failover --to " + to;
    if (!instances_.contains(record.primary)) {
        return refuse(
            "the recorded primary " + record.primary + " is not in the configuration",
            "put it back into `instances` of all controllers, switch over, and take it out then; " + by_force);
    }
    if (!record.handed_by.empty()) {
        return refuse("a switchover from " + record.handed_by + " to " + record.primary + " is under way",
                      "wait for its end: pgbosun-controller status");
    }
    const Seen* primary = find(known, record.primary);
    const bool answers = primary != nullptr && clock_.now() - primary->received_at < policy_.ttl;
    if (answers && primary->report.fenced) {
        return refuse("the primary is fenced, and " + to + " is not known to hold all that it has",
                      "pgbosun unfence, on " + record.primary + "; " + by_force);
    }
    if (record.paused) {
        return refuse("the primary does not serve, so nothing can be handed over",
                      "it is paused, so no failover comes by itself: pgbosun-controller resume; " + by_force);
    }
    return refuse("the primary does not serve, so nothing can be handed over",
                  "a failover comes by itself; " + by_force);
}

// Nobody but the operator can know that an instance which is gone does not write. Leases and promises are waited for all the same.
ControlAnswer Controller::without_lost(Knowledge& known, const ControllerRequest& request) {
    const Instant now = clock_.now();
    const std::string& to = request.to;
    Knowledge as_said = known;
    as_said.record->lost = names_in(request.lost);
    for (const auto& name : as_said.record->lost) {
        // It may have been taken out of the configuration, and may still be one of those who may write.
        const bool is_known = instances_.contains(name) || contains(writers(*known.record), name);
        if (!is_known) return refuse("\"" + name + "\" is not an instance of this cluster");
        const Seen* seen = find(known, name);
        const bool answers = seen != nullptr && now - seen->received_at < policy_.ttl;
        if (name == to) {
            return refuse(name + " is to take over, so it cannot be lost", "--lost names who is stopped for good");
        }
        if (answers) {
            return refuse(name + " answers, so it is not lost", "fence it, or stop it for good: then ask again");
        }
    }
    if (to == known.record->primary && is_serving(known, policy_, now)) return refuse(to + " is the primary already");
    Record next = change_primary(*known.record, to, Chosen::all_stopped, DataLoss::accepted);
    next.lost = as_said.record->lost;
    for (const auto& writer : next.former) {
        const Seen* seen = find(known, writer);
        const bool stopped = seen != nullptr && now - seen->received_at < policy_.ttl && seen->report.stopped;
        if (stopped || contains(next.lost, writer)) continue;
        return refuse(writer + " may still write",
                      "stop it, or name it too when it is lost: --lost " + request.lost + "," + writer);
    }
    if (const auto why = unfit(Field{as_said, policy_, {}, now}, to, DataLoss::accepted); !why.empty()) {
        return refuse(to + " cannot be promoted: " + std::string(why));
    }
    const auto answer = write_wish(known, std::move(next));
    if (answer.answer == Answer::refused) return answer;
    log::warning("an operator vouches that an instance is stopped for good",
                 {{"instance", request.lost}, {"by", request.asked_by}, {"to", to}});
    if (publication_ != nullptr) {
        spawn(loop_, tell("InstanceLost", request.lost + " is stopped for good, says " + request.asked_by));
    }
    return answer;
}

// A record that is older than the instances is not changed in any other way.
ControlAnswer Controller::renew_record(Knowledge& known, const ControllerRequest& request) {
    const std::string why = why_old(known);
    if (request.verb != ControllerVerb::failover || request.to.empty()) return refuse(why, std::string(hint_to_renew));
    if (!instances_.contains(request.to)) return refuse("\"" + request.to + "\" is not an instance of this cluster");
    const auto lost = request.lost.empty() ? std::vector<std::string>() : names_in(request.lost);
    auto renewal = renew(known, policy_, request.to, lost, clock_.now());
    if (!renewal.record) return refuse(why + ": " + renewal.why_not, std::move(renewal.hint));
    log::warning("the record begins anew from what the instances say",
                 {{"to", request.to}, {"lost", request.lost}, {"by", request.asked_by}, {"was", why}});
    return write_wish(known, std::move(*renewal.record));
}

// So that the checkpoint at its shutdown is a short one. Without it the old primary would be killed in that shutdown when
// its last lease ends, and take longer to come back than a failover takes.
Task<> Controller::checkpoint_first(std::string primary, std::string to) {
    const auto written = co_await instances_.at(primary).observer->link().checkpoint();
    Knowledge* known = keeper_.knowledge();
    const bool waits = known != nullptr && known->wanted && known->wanted->step == WishStep::checkpoint;
    // Why is told where it was given up. Another one may wait by now for a checkpoint of another primary.
    if (!waits || known->wanted->primary != to || known->wanted->from != primary) co_return;
    if (!written) {
        log::error("the switchover is not begun, for its checkpoint did not succeed: " + written.error().text(),
                   {{"instance", primary}, {"to", to}});
        known->wanted.reset();
        co_return;
    }
    known->wanted->step = WishStep::ready;
    known->wanted->until = clock_.now() + longest_wish;
    decide_.wake();
}

ControlAnswer Controller::set_paused(Knowledge& known, ControllerVerb verb) {
    const bool paused = verb == ControllerVerb::pause;
    if (known.record->paused == paused) return {Answer::done, {}, {}};
    Record record = *known.record;
    record.paused = paused;
    return write_wish(known, std::move(record));
}

ControlAnswer Controller::demote(Knowledge& known, const ControllerRequest& request) {
    if (request.source.empty()) {
        return refuse("whom to follow is not said",
                      "pgbosun-controller demote-cluster --source \"host=... port=...\", or --source-archive");
    }
    if (known.record->source == request.source) return {Answer::done, {}, {}};
    return write_wish(known, follow_source(*known.record, request.source));
}

// Nobody in the cluster writes, and who may have written before it followed has stopped or is waited for: see choose().
ControlAnswer Controller::promote(Knowledge& known, const ControllerRequest& request) {
    const Record& record = *known.record;
    if (record.primary != source_name) return refuse("the cluster has a primary of its own: " + record.primary);
    const Instant now = clock_.now();
    std::string to = request.to;
    if (!to.empty() && !instances_.contains(to)) return refuse("\"" + to + "\" is not an instance of this cluster");
    const auto best = pick(Field{known, policy_, {}, now}, "");
    if (!best.name) return refuse("nobody can be promoted: " + std::string(best.why_not));
    if (to.empty()) to = *best.name;
    const auto why_not = unfit(Field{known, policy_, {}, now}, to, DataLoss::accepted);
    if (!why_not.empty()) return refuse(to + " cannot be promoted: " + std::string(why_not));
    if (!holds_data(known, to)) {
        return refuse(to + " cannot be promoted: it holds no data",
                      "wait until it has been cloned: its `pgbosun status` says what it waits for");
    }
    Record next = change_primary(record, to, Chosen::all_stopped, DataLoss::refused);
    // Should that one be gone before it serves, nobody without data, or with other data, takes its place.
    if (!next.system_id) next.system_id = find(known, to)->report.system_id;
    return write_wish(known, std::move(next));
}

ControlAnswer Controller::write_wish(Knowledge& known, Record record) {
    if (known.in_flight) return refuse("the record is being changed at this moment", "ask again");
    known.in_flight = record;
    ordered_ = record;
    perform_write(Write{std::move(record)});
    return {Answer::under_way, {}, {}};
}

}  // namespace pgbosun::controller
