#include "controller/knowledge.hpp"

#include <algorithm>

#include "instance/right.hpp"

namespace pgbosun::controller {
namespace {

// It keeps the difference from running over.
constexpr Duration longest_age = std::chrono::hours(10'000);

bool serves(const Report& report, const Record& record) {
    return report.instance == record.primary && report.term == record.term && report.accepted == record.term &&
           report.serving;
}

// It has seen this term, and has no right under it: it can get none before a higher one.
bool has_stopped(const Report& report, const Record& record) {
    return report.instance != record.primary && report.term >= record.term && report.stopped;
}

bool fit_for_list(const Knowledge& known, const Report& report) {
    return report.able && !report.fenced && report.streaming && report.term == known.record->term &&
           report.reach.term == known.record->term;
}

void note_absences(Knowledge& known, const Seen& primary) {
    if (!primary.report.standbys) return;
    const auto& here = *primary.report.standbys;
    std::erase_if(known.absent_since, [&](const auto& it) { return contains(here, it.first); });
    for (const auto& name : known.record->promotable.names) {
        if (!contains(here, name)) known.absent_since.emplace(name, primary.received_at);
    }
}

void note(Knowledge& known, Seen& seen) {
    if (!known.record) return;
    if (serves(seen.report, *known.record)) {
        note_absences(known, seen);
        known.served_at = std::max(known.served_at, seen.received_at);
        known.has_served = true;
    }
    const Report& report = seen.report;
    if (report.instance == known.record->primary && report.accepted == known.record->term && report.fenced) {
        known.fenced_at = std::max(known.fenced_at, seen.received_at);
    }
    if (has_stopped(seen.report, *known.record)) known.stopped_at.emplace(seen.report.instance, seen.received_at);
    const bool unbound = seen.report.instance == known.record->primary && seen.report.term >= known.record->term &&
                         seen.report.bound_for <= Duration::zero();
    if (unbound && !known.unbound_at) known.unbound_at = seen.received_at;
    if (fit_for_list(known, seen.report)) seen.good_at = seen.received_at;
}

// What the record says of a wish.
void follow_record(Wanted& wish, const Record& record) {
    if (record.primary == wish.primary) {
        wish.step = WishStep::recorded;
    } else if (wish.step == WishStep::recorded || (!wish.from.empty() && record.primary != wish.from)) {
        wish.step = WishStep::overtaken;
    }
}

}  // namespace

Knowledge elected(Instant now, Instant leader_until) {
    Knowledge known;
    known.leader_since = now;
    known.leader_until = leader_until;
    known.served_at = now;
    return known;
}

void learn(Knowledge& known, Record record, Instant now) {
    const bool same_leases = known.record && known.record->lease_ttl == record.lease_ttl &&
                             known.record->longest_lease >= record.longest_lease;
    if (!same_leases) known.lease_ttl_since = now;
    const bool other_term = !known.record || known.record->term != record.term;
    known.latest_term = std::max(known.latest_term, record.term);
    known.record = std::move(record);
    known.in_flight.reset();
    if (known.wanted) follow_record(*known.wanted, *known.record);
    if (other_term) {
        known.stopped_at.clear();
        known.absent_since.clear();
        known.promoted_at.reset();
        known.unbound_at.reset();
        known.served_at = now;
        known.has_served = false;
        known.fenced_at = {};
        known.fast_forward.reset();
    }
    for (auto& [name, seen] : known.seen) {
        seen.answered = false;
        if (other_term) seen.good_at.reset();
    }
}

const Wanted* pending_wish(const Knowledge& known) {
    if (!known.wanted) return nullptr;
    const bool pending = known.wanted->step == WishStep::checkpoint || known.wanted->step == WishStep::ready;
    return pending ? &*known.wanted : nullptr;
}

void forget_record(Knowledge& known) {
    known.record.reset();
    known.in_flight.reset();
}

void observe(Knowledge& known, const Policy& policy, Report report, Instant asked_at, Instant received_at) {
    if (report.cluster != policy.cluster) return;
    Seen& seen = known.seen[report.instance];
    if (asked_at < seen.asked_at) return;
    // Who has lost its primary does not say any more how far that one had come.
    const Reach& before = seen.report.reach;
    const bool same_wal = before.term == report.reach.term && before.timeline == report.reach.timeline;
    const Lsn newest = std::max({report.reach.lsn, report.newest, same_wal ? seen.report.newest : Lsn{}});
    seen.report = std::move(report);
    seen.report.newest = newest;
    seen.asked_at = asked_at;
    seen.received_at = received_at;
    const auto& age = seen.report.reach_age;
    seen.reached_at = age ? asked_at - instance::with_margin(std::min(*age, longest_age)) : Instant{};
    seen.answered = false;
    note(known, seen);
}

const Seen* find(const Knowledge& known, const std::string& name) {
    const auto found = known.seen.find(name);
    return found == known.seen.end() ? nullptr : &found->second;
}

Duration lease_to_grant(const Record& record, const Policy& policy) { return std::min(policy.ttl, record.lease_ttl); }

Duration longest_lease(const Knowledge& known, const Policy& policy) {
    return known.record ? std::max(policy.ttl, known.record->longest_lease) : policy.ttl;
}

Instant lease_end(const Knowledge& known, const Policy& policy, const std::string& name) {
    const Instant before_us = known.leader_since + instance::with_margin(longest_lease(known, policy));
    const auto found = known.leased_until.find(name);
    return found == known.leased_until.end() ? before_us : std::max(before_us, found->second);
}

bool is_absent(const Knowledge& known, const std::string& name, Duration patience) {
    const auto since = known.absent_since.find(name);
    const Seen* primary = find(known, known.record->primary);
    return since != known.absent_since.end() && primary != nullptr && primary->received_at - since->second >= patience;
}

bool is_serving(const Knowledge& known, const Policy& policy, Instant now) {
    const Seen* seen = find(known, known.record->primary);
    return seen != nullptr && now - seen->received_at < policy.ttl && serves(seen->report, *known.record);
}

}  // namespace pgbosun::controller
