#include "controller/candidate.hpp"

#include <algorithm>

#include "controller/handover.hpp"

namespace pgbosun::controller {
namespace {

constexpr std::string_view too_far_behind = "it lags by more than max_lag";

const Seen* lately(const Field& field, const std::string& name) {
    const Seen* seen = find(field.known, name);
    if (seen == nullptr || seen->asked_at < field.not_before) return nullptr;
    return field.now - seen->received_at < field.policy.ttl ? seen : nullptr;
}

int priority(const Field& field, const std::string& name) {
    for (const auto& member : field.policy.members) {
        if (member.peer.name == name) return member.priority;
    }
    return -1;
}

// No promise binds it, but there is nobody left to whom it could be bound.
bool others_stopped(const Field& field, const std::string& name) {
    return std::ranges::all_of(writers(*field.known.record), [&](const std::string& writer) {
        if (writer == name || contains(field.known.record->lost, writer)) return true;
        const Seen* seen = lately(field, writer);
        return seen != nullptr && seen->report.stopped;
    });
}

std::optional<Chosen> admission(const Field& field, const std::string& name) {
    const Record& record = *field.known.record;
    if (is_listed(record, name)) return Chosen::from_list;
    if (name == record.primary && record.chosen == Chosen::from_list) return Chosen::from_list;
    if (others_stopped(field, name)) return Chosen::all_stopped;
    return std::nullopt;
}

std::string_view unable(const Field& field, const std::string& name) {
    const Seen* seen = fresh(field, name);
    if (seen == nullptr) return "no candidate has answered in time";
    const Report& report = seen->report;
    if (priority(field, name) < 0) return "its priority says that it must never be primary";
    if (report.fenced) return "it is fenced";
    if (report.delayed) return "it replays with a delay (postgresql.apply_delay)";
    if (!report.able) return "its postgres cannot be promoted";
    const auto& system_id = field.known.record->system_id;
    if (system_id && report.system_id != system_id) return "its data is of another system";
    if (!admission(field, name)) return "it is not on the promotable list";
    return {};
}

Position position(const Reach& reach) { return {reach.timeline, reach.lsn}; }

// Whether all that `writer` ever acknowledged is older than the term of the data at `best`: the record says so, or it says so
// itself, which may have been recorded later and never have accepted. Whoever became primary of that term
// held all of it then, or an operator had given it up; and data of a term goes on from where its primary began.
bool wrote_before(const Field& field, const std::string& writer, Reach best) {
    // Nobody writes under a term that names somebody else.
    const auto& last = field.known.record->former_terms;
    if (const auto it = last.find(writer); it != last.end() && it->second < best.term) return true;
    const Seen* seen = lately(field, writer);
    if (seen == nullptr || seen->report.term < field.known.record->term) return false;
    const Report& report = seen->report;
    return report.first_term > 0 && std::max(report.first_term, report.accepted) < best.term;
}

// Whether who stands at `best` is bound to have all that `writer` acknowledged under `rule`.
bool covered(const Field& field, const std::string& writer, const SynchronousRule& rule, Reach best) {
    if (rule.number <= 0 || wrote_before(field, writer, best)) return true;
    // A standby that has lost its controller may have confirmed commits of a term that it has not heard of: it went on
    // streaming, or has reconnected by itself. Then its data is said to be of an older term, and is further all the same.
    // Who holds nothing, or has been made anew, may have held more.
    const auto has_data = [&](const std::string& name) {
        const Seen* seen = fresh(field, name);
        return seen != nullptr && seen->report.reach.term > 0 ? seen : nullptr;
    };
    const auto reached = [&](const std::string& name) {
        const Seen* seen = has_data(name);
        return seen != nullptr && seen->report.reach <= best && position(seen->report.reach) <= position(best);
    };
    const Seen* itself = has_data(writer);
    if (itself != nullptr && itself->report.stopped && itself->report.reach <= best) return true;
    std::int64_t known = 0;
    std::int64_t all = 0;
    for (const auto& name : rule.names) {
        if (name == writer) continue;
        ++all;
        if (reached(name)) ++known;
    }
    return known + rule.number > all;
}

bool holds_all(const Field& field, Reach best) {
    const Record& record = *field.known.record;
    return std::ranges::all_of(writers(record), [&](const std::string& writer) {
        return covered(field, writer, record.synchronous, best) &&
               std::ranges::all_of(record.superseded,
                                   [&](const auto& rule) { return covered(field, writer, rule, best); });
    });
}

// The furthest that anybody is known to have been on the same WAL. A leader that never saw the primary has this from standbys.
Lsn furthest(const Field& field, Reach best) {
    Lsn furthest = best.lsn;
    for (const auto& [name, seen] : field.known.seen) {
        const Reach& its = seen.report.reach;
        if (its.term == best.term && its.timeline == best.timeline) furthest = std::max(furthest, seen.report.newest);
    }
    return furthest;
}

bool lags(const Field& field, Reach best) {
    const bool asynchronous = field.known.record->synchronous.number <= 0;
    if (!field.policy.max_lag || !asynchronous) return false;
    return furthest(field, best).value - best.lsn.value > *field.policy.max_lag;
}

bool is_better(const Field& field, const std::string& one, const std::string& other) {
    const Reach ours = find(field.known, one)->report.reach;
    const Reach theirs = find(field.known, other)->report.reach;
    if (ours != theirs) return ours > theirs;
    const auto& primary = field.known.record->primary;
    if ((one == primary) != (other == primary)) return one == primary;
    const auto to_replay = [&](const std::string& name) { return find(field.known, name)->report.to_replay; };
    // The cluster would be without a primary for as long, or for good where replay stands still.
    const bool one_is_slow = to_replay(one) > most_to_replay;
    if (one_is_slow != (to_replay(other) > most_to_replay)) return !one_is_slow;
    const int by_priority = priority(field, one) - priority(field, other);
    if (by_priority != 0) return by_priority > 0;
    if (to_replay(one) != to_replay(other)) return to_replay(one) < to_replay(other);
    return one < other;
}

}  // namespace

const Seen* fresh(const Field& field, const std::string& name) {
    const Seen* seen = lately(field, name);
    return seen != nullptr && seen->reached_at >= field.not_before ? seen : nullptr;
}

std::string_view unfit(const Field& field, const std::string& name, DataLoss data_loss) {
    if (const auto why = unable(field, name); !why.empty()) return why;
    if (data_loss == DataLoss::accepted) return {};
    const Reach reach = find(field.known, name)->report.reach;
    if (!holds_all(field, reach)) return "too few synchronous standbys answer to know who holds every commit";
    if (lags(field, reach)) return too_far_behind;
    return {};
}

Successors successors(const Field& field) {
    const std::string& primary = field.known.record->primary;
    const auto best = pick(field, primary);
    if (!best.name) return {{}, best.why_not};
    Successors it;
    for (const auto& [name, seen] : field.known.seen) {
        if (name != primary && unable(field, name).empty() && !lags(field, seen.report.reach)) it.names.push_back(name);
    }
    return it;
}

std::optional<GivenUp> given_up(const Field& field, const std::string& name) {
    const Reach ours = find(field.known, name)->report.reach;
    std::optional<GivenUp> most;
    Reach furthest = ours;
    for (const auto& [other, seen] : field.known.seen) {
        const Reach& theirs = seen.report.reach;
        const auto& system_id = field.known.record->system_id;
        const bool of_this_system = !system_id || seen.report.system_id == system_id;
        if (other == name || theirs <= furthest || lately(field, other) == nullptr || !of_this_system) continue;
        const bool same_wal = theirs.term == ours.term && theirs.timeline == ours.timeline;
        const auto why = unable(field, other);
        most = GivenUp{other, same_wal ? std::optional(theirs.lsn.value - ours.lsn.value) : std::nullopt,
                       why.empty() ? "another one is promoted" : why};
        furthest = theirs;
    }
    return most;
}

std::string to_text(const GivenUp& it, const std::string& name) {
    const std::string more =
        it.bytes ? std::to_string(*it.bytes) + " bytes more than " : "WAL of a later timeline than ";
    return it.instance + " holds " + more + name + ": " + std::string(it.why);
}

std::string_view judged_by_max_lag(const Field& field, const GivenUp& it) {
    const Record& record = *field.known.record;
    if (record.data_loss == DataLoss::accepted) return "no: the failover is forced";
    if (record.synchronous.number > 0) return "no: it is for asynchronous standbys";
    if (!field.policy.max_lag) return "no: none is configured";
    return it.bytes ? "yes: it allows that" : "no: it counts bytes of one timeline";
}

bool is_surpassed(const Field& field, const std::string& name) {
    const Reach reach = find(field.known, name)->report.reach;
    return std::ranges::any_of(field.known.seen, [&](const auto& it) {
        return it.first != name && unable(field, it.first).empty() && it.second.report.reach > reach;
    });
}

Pick pick(const Field& field, const std::string& except) {
    Pick best;
    best.why_not = "there is no candidate";
    for (const auto& [name, seen] : field.known.seen) {
        if (name == except) continue;
        if (const auto why = unable(field, name); !why.empty()) {
            if (!best.name) best.why_not = why;
            continue;
        }
        if (!best.name || is_better(field, name, *best.name)) best.name = name;
    }
    if (!best.name) return best;
    best.foremost = *best.name;
    best.why_not = unfit(field, *best.name, DataLoss::refused);
    const auto more = best.why_not == too_far_behind ? given_up(field, *best.name) : std::nullopt;
    if (more) best.why_not += ": " + to_text(*more, *best.name);
    best.chosen = admission(field, *best.name).value_or(Chosen::from_list);
    if (!best.why_not.empty()) best.name.reset();
    return best;
}

}  // namespace pgbosun::controller
