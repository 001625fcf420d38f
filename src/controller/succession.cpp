#include "controller/succession.hpp"

#include <algorithm>
#include <functional>

#include "controller/choose.hpp"
#include "controller/fast_forward.hpp"
#include "controller/handover.hpp"
#include "instance/right.hpp"

namespace pgbosun::controller {
namespace {

constexpr Duration longest_reconnection = std::chrono::seconds(1);

std::vector<std::string> fit_for_list(const Knowledge& known, const Policy& policy, Instant now) {
    const Record& record = *known.record;
    std::vector<std::string> names;
    for (const auto& member : policy.members) {
        const auto& name = member.peer.name;
        const Seen* seen = find(known, name);
        if (name == record.primary || seen == nullptr || member.priority < 0) continue;
        if (seen->report.fenced || seen->report.delayed || !seen->good_at) continue;
        if (record.system_id && seen->report.system_id != record.system_id) continue;
        // Who is on the list stays for a while: each change of it is a write.
        const Duration patience = contains(record.promotable.names, name) ? 2 * policy.ttl : policy.ttl;
        if (now - *seen->good_at < patience) names.push_back(name);
    }
    return names;
}

std::vector<std::string> all_members(const Policy& policy) {
    std::vector<std::string> names;
    names.reserve(policy.members.size());
    for (const auto& member : policy.members) names.push_back(member.peer.name);
    return names;
}

// With `first` the earlier names are the synchronous ones: by priority, as whom to promote.
void put_in_order(std::vector<std::string>& names, const Policy& policy) {
    std::ranges::sort(names, {}, [&](const std::string& name) {
        const auto found = std::ranges::find(policy.members, name, [](const Member& it) { return it.peer.name; });
        const bool ranked = policy.synchronous->method == SyncMethod::first && found != policy.members.end();
        return std::pair(ranked ? -found->priority : 1, name);
    });
}

// Who streams from another standby confirms nothing to the primary; some are not to be waited for, and who is no member any more
// may be one of those.
bool confirms(const Policy& policy, const std::string& name) {
    return std::ranges::any_of(
        policy.members, [&](const Member& it) { return it.peer.name == name && it.upstream.empty() && it.confirms; });
}

std::vector<std::string> confirming(const Policy& policy, std::vector<std::string> names) {
    std::erase_if(names, [&](const std::string& name) { return !confirms(policy, name); });
    return names;
}

// While too few standbys are there commits wait for those of before; for whom they are not to wait any more they do not, but it
// never names fewer than it needs: such a rule could not be taken over, nor could those after it.
std::vector<std::string> awaited(const Record& record, const Policy& policy, int number) {
    const auto enough = [&](const std::vector<std::string>& names) {
        return std::ranges::count_if(names, [&](const auto& it) { return it != record.primary; }) >= number;
    };
    std::vector<std::string> names = record.synchronous.names;
    std::erase_if(names, [&](const std::string& name) {
        return std::ranges::any_of(policy.members,
                                   [&](const Member& it) { return it.peer.name == name && !it.confirms; });
    });
    if (enough(names)) return names;
    auto all = confirming(policy, all_members(policy));
    return enough(all) || record.synchronous.names.empty() ? all : record.synchronous.names;
}

// Where commits need not wait for who is not there. Who ends says so before it goes; who has lost its connection is given the
// time to make another one.
std::vector<std::string> present(const Knowledge& known, const Policy& policy, std::vector<std::string> names) {
    const Duration patience = std::min(policy.ttl, longest_reconnection);
    std::erase_if(names, [&](const std::string& name) {
        const Seen* seen = find(known, name);
        return (seen != nullptr && seen->report.ending) || is_absent(known, name, patience);
    });
    return names;
}

SynchronousRule wanted_rule(const Knowledge& known, const Record& record, const Policy& policy) {
    SynchronousRule rule = record.synchronous;
    if (!policy.synchronous) {
        rule.number = 0;
        rule.names.clear();
        return rule;
    }
    const bool preferred = policy.synchronous->durability == DataDurability::preferred;
    std::vector<std::string> names = confirming(policy, record.promotable.names);
    if (preferred) names = present(known, policy, std::move(names));
    const int listed = static_cast<int>(names.size());
    // Never none: that would say that no synchronous standbys are wanted.
    if (listed == 0 || confirms(policy, record.primary)) names.push_back(record.primary);
    rule.method = policy.synchronous->method;
    if (preferred) {
        rule.number = std::min(policy.synchronous->number, listed);
        rule.names = std::move(names);
    } else {
        // Required: with too few standbys commits wait.
        rule.number = policy.synchronous->number;
        rule.names = listed >= rule.number ? std::move(names) : awaited(record, policy, rule.number);
    }
    put_in_order(rule.names, policy);
    return rule;
}

// What the primary reports to have taken over; true: the record said otherwise.
bool acknowledge(Record& record, const Report& report) {
    bool changed = false;
    if (report.promotable_version == record.promotable.version &&
        record.acknowledged.version != record.promotable.version) {
        record.acknowledged = record.promotable;
        changed = true;
    }
    if (report.synchronous_version != record.synchronous.version) return changed;
    // A primary that goes on without standbys (preferred) has put nothing anywhere: what was confirmed under the rules before
    // is judged by them still.
    const bool alone = record.synchronous.number <= 0 && !record.synchronous.names.empty();
    if (alone && !record.superseded.empty()) return changed;
    // All that was ever acknowledged is on a quorum of its own standbys now.
    changed |= !record.superseded.empty() || !record.former.empty();
    record.superseded.clear();
    record.former.clear();
    record.former_terms.clear();
    return changed;
}

// Judged by it until a rule covers what was acknowledged under it. One without standbys asks for nothing.
void supersede(Record& record, SynchronousRule rule) {
    const auto same = [&](const SynchronousRule& it) {
        return it.method == record.synchronous.method && it.number == record.synchronous.number &&
               it.names == record.synchronous.names;
    };
    if (record.synchronous.number > 0 && std::ranges::none_of(record.superseded, same)) {
        record.superseded.push_back(std::move(record.synchronous));
    }
    record.synchronous = std::move(rule);
}

// Until when the primary may go on although it is silent: every member of its list has promised, which is what it needs.
std::optional<Instant> promised_until(const Knowledge& known, const Policy& policy, Instant now) {
    std::optional<Instant> first;
    for (const auto& name : known.record->promotable.names) {
        const Seen* seen = find(known, name);
        if (seen == nullptr || now - seen->received_at >= policy.ttl) return std::nullopt;
        if (seen->report.term != known.record->term) return std::nullopt;
        const Instant until = seen->received_at + seen->report.promised_for;
        if (until <= now) return std::nullopt;
        first = std::min(first.value_or(until), until);
    }
    return first;
}

// When the leases of the former ones that have not acknowledged a stop have run out.
Instant leases_end(const Knowledge& known, const Policy& policy) {
    Instant last{};
    for (const auto& name : known.record->former) {
        if (!known.stopped_at.contains(name)) last = std::max(last, lease_end(known, policy, name));
    }
    return last;
}

Succession wait(std::string why, std::optional<Instant> until = {}) { return {std::nullopt, std::move(why), until}; }

Succession change_to(const Knowledge& known, const Pick& best) {
    if (!best.name) return wait(best.why_not);
    return {change_primary(*known.record, *best.name, best.chosen, DataLoss::refused), {}, {}};
}

Succession to_best(const Knowledge& known, const Policy& policy, Instant now, NotBefore not_before) {
    return change_to(known, pick(Field{known, policy, not_before, now}, known.record->primary));
}

// The same when the candidate has what others hold. Where that is all that the failover waits for it may take any time.
Succession fail_over(const Knowledge& known, const Policy& policy, Instant now, NotBefore not_before) {
    const Field field{known, policy, not_before, now};
    const auto best = pick(field, known.record->primary);
    const auto ahead = fast_forward(field, best.foremost);
    const bool waits = ahead && now < gives_up_at(*ahead, policy);
    Succession next = waits ? wait(to_text(*ahead), gives_up_at(*ahead, policy)) : change_to(known, best);
    if (!next.record) next.fast_forward = ahead;
    return next;
}

std::optional<Record> as_wanted(const Knowledge& known, const Policy& policy, Instant now) {
    const auto& wanted = known.wanted;
    if (!wanted || wanted->step != WishStep::ready || now >= wanted->until) return std::nullopt;
    if (wanted->primary == known.record->primary) return std::nullopt;
    const Field field{known, policy, {}, now};
    // A switchover moves to who follows closely; a failover by force to whom the operator names.
    if (wanted->data_loss == DataLoss::refused) {
        const bool yields = is_serving(known, policy, now) || holds_all_of_fenced(field, wanted->primary);
        const bool now_possible = yields && unfit_for_handover(field, wanted->primary).empty();
        return now_possible ? std::optional(hand_over(*known.record, wanted->primary)) : std::nullopt;
    }
    if (!unfit(field, wanted->primary, DataLoss::accepted).empty()) return std::nullopt;
    if (!is_listed(*known.record, wanted->primary)) return std::nullopt;
    return change_primary(*known.record, wanted->primary, Chosen::from_list, DataLoss::accepted);
}

// A primary that was asked to end serves no more: it hands over as in a switchover, and has said where its data ends before it
// is gone.
std::optional<Record> from_ending(const Knowledge& known, const Policy& policy, Instant now) {
    const Record& record = *known.record;
    const Seen* primary = find(known, record.primary);
    const bool ends = primary != nullptr && now - primary->received_at < policy.ttl && primary->report.ending &&
                      primary->report.accepted == record.term;
    if (!ends) return std::nullopt;
    const auto best = pick_for_handover(Field{known, policy, {}, now});
    return best.name ? std::optional(hand_over(record, *best.name)) : std::nullopt;
}

}  // namespace

Record move_on(const Knowledge& known, const Policy& policy, Instant now) {
    Record next = *known.record;
    const Report& report = find(known, next.primary)->report;
    if (!next.system_id) next.system_id = report.system_id;
    next.data_loss = DataLoss::refused;
    next.handed_by.clear();
    if (acknowledge(next, report)) return next;
    if (next.acknowledged.version == next.promotable.version) {
        auto names = fit_for_list(known, policy, now);
        if (names != next.promotable.names) next.promotable = {next.promotable.version + 1, std::move(names)};
    }
    auto rule = wanted_rule(known, next, policy);
    const bool room = next.superseded.size() < most_superseded || rule.number <= 0;
    if (rule != next.synchronous && room) {
        ++rule.version;
        supersede(next, std::move(rule));
    }
    return next;
}

Succession replace(const Knowledge& known, const Policy& policy, Instant now) {
    const Record& record = *known.record;
    if (record.paused && record.handed_by.empty()) return wait("it is paused");
    if (auto handed = from_ending(known, policy, now)) return {std::move(handed), {}, {}};
    const auto proof = proof_of_stop(known, policy, now);
    if (!proof) return wait("a former primary may still write", leases_end(known, policy));
    const Seen* primary = find(known, record.primary);
    const Instant heard_at = std::max(known.leader_since, primary == nullptr ? Instant{} : primary->received_at);
    const bool silent = now - heard_at >= policy.ttl;
    const bool accepted = primary != nullptr && primary->report.accepted == record.term;
    if (silent) {
        if (const auto until = promised_until(known, policy, now)) {
            return wait("its promotable members have promised the silent primary lately", until);
        }
    }
    if (auto handover = end_handover(known, policy, *proof, now)) return std::move(*handover);
    if (record.paused) return wait("it is paused");
    if (silent) return fail_over(known, policy, now, proof->at);
    const Field field{known, policy, proof->at, now};
    if (!accepted && !known.promoted_at && !record.former.empty() && record.data_loss == DataLoss::refused &&
        primary != nullptr && primary->reached_at >= proof->at && is_surpassed(field, record.primary)) {
        auto better = to_best(known, policy, now, proof->at);
        if (better.record) return better;
    }
    if (primary != nullptr && primary->report.fenced && accepted) return wait("the primary is fenced");
    // initdb, or a recovery from the archive, takes what it takes; nobody has anything to lose yet.
    if (!record.system_id && accepted && primary->report.able) return wait("the first primary is being made");
    const Instant begun =
        std::max({known.served_at, known.fenced_at, proof->at, known.promoted_at.value_or(Instant{})});
    // A new one has to be told first, and to promote: replaced any sooner, none would ever serve.
    const Duration window = known.has_served ? policy.restart_window : std::max(policy.restart_window, policy.ttl);
    const Instant until = begun + window;
    // Judged by what it says after that: a promotion or a restart may just have come to its end.
    if (now < until || primary == nullptr || primary->asked_at < until)
        return wait("the primary answers, but does not serve yet", until);
    return fail_over(known, policy, now, proof->at);
}

namespace {

Succession next_of(const Knowledge& known, const Policy& policy, Instant now) {
    if (known.record->primary == source_name) return {};
    if (known.record->term == 0) {
        if (!policy.source.empty()) return {follow_source(*known.record, policy.source), {}, {}};
        // A new cluster: the best data there is, or none, when all members have answered.
        if (known.seen.size() < policy.members.size()) return wait("not every member has answered yet");
        return to_best(known, policy, now, {});
    }
    if (auto wanted = as_wanted(known, policy, now)) return {std::move(wanted), {}, {}};
    if (!is_serving(known, policy, now)) return replace(known, policy, now);
    Record next = move_on(known, policy, now);
    if (next == *known.record) return {};
    return {std::move(next), {}, {}};
}

}  // namespace

void set_leases(Record& next, const Knowledge& known, const Policy& policy, Instant now) {
    const Duration longest = longest_lease(known, policy);
    // Two steps: one record says that no more are granted, another that they have run out. A write that comes late, of a
    // controller that leads no longer, may be the first, which forgets nothing, and cannot be the second when any other came
    // between.
    const bool run_out = next.lease_ttl == policy.ttl && now >= known.lease_ttl_since + instance::with_margin(longest);
    next.lease_ttl = policy.ttl;
    next.longest_lease = run_out ? policy.ttl : longest;
}

Succession succeed(const Knowledge& known, const Policy& policy, Instant now) {
    Succession next = next_of(known, policy, now);
    Record record = next.record.value_or(*known.record);
    if (record.term > 0 && record.primary != source_name) set_leases(record, known, policy, now);
    next.record.reset();
    if (record != *known.record) next.record = std::move(record);
    return next;
}

}  // namespace pgbosun::controller
