#include "controller/fast_forward.hpp"

#include <algorithm>

namespace pgbosun::controller {
namespace {

constexpr int most_ttls = 3;

// A cascading walsender sends what its own standby has received, replayed or not: also who replays late can give it.
bool can_give(const Report& its, const Report& ours) {
    const bool streams = its.runs_as_standby && !its.fenced && !its.ending && its.system_id == ours.system_id;
    const bool one_history = its.reach.term == ours.reach.term && its.reach.timeline == ours.reach.timeline;
    if (!streams || !one_history || its.reach.lsn <= ours.reach.lsn) return false;
    return its.reach.lsn.value - ours.reach.lsn.value <= most_to_fetch;
}

// Who can give the most.
const Seen* upstream_for(const Field& field, const Report& candidate) {
    const Seen* most = nullptr;
    for (const auto& member : field.policy.members) {
        const auto& name = member.peer.name;
        const Seen* seen = name == field.known.record->primary ? nullptr : fresh(field, name);
        if (seen == nullptr || !can_give(seen->report, candidate)) continue;
        if (most == nullptr || seen->report.reach.lsn > most->report.reach.lsn) most = seen;
    }
    return most;
}

}  // namespace

std::optional<FastForward> fast_forward(const Field& field, const std::string& candidate) {
    const Term term = field.known.record->term;
    const Seen* ours = fresh(field, candidate);
    if (term == 0 || ours == nullptr || !ours->report.runs_as_standby || ours->report.reach.term != term) {
        return std::nullopt;
    }
    const Seen* upstream = upstream_for(field, ours->report);
    if (upstream == nullptr) return std::nullopt;
    FastForward it{candidate, upstream->report.instance, ours->report.reach.lsn, field.now, field.now};
    const auto& before = field.known.fast_forward;
    if (!before) return it;
    it.begun_at = before->begun_at;
    const bool stands = before->candidate == candidate && before->from == it.from && it.reached <= before->reached;
    if (stands) it.moved_at = before->moved_at;
    return it;
}

Instant gives_up_at(const FastForward& it, const Policy& policy) {
    return std::min(it.moved_at + policy.ttl, it.begun_at + most_ttls * policy.ttl);
}

std::string to_text(const FastForward& it) {
    return it.candidate + " first streams from " + it.from + ", which holds more";
}

}  // namespace pgbosun::controller
