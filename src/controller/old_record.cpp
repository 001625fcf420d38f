#include "controller/old_record.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

#include "controller/obstacle.hpp"

namespace pgbosun::controller {
namespace {

constexpr std::uint64_t none_taken_over = std::numeric_limits<std::uint64_t>::max();

bool is_foreign(const Knowledge& known, const Report& report) {
    const auto& system_id = known.record->system_id;
    return system_id && report.system_id && report.system_id != system_id;
}

// Empty: the record says as much.
std::string later_than_record(const Record& record, const Report& report) {
    const std::string term = "term " + std::to_string(report.term);
    if (report.term > record.term) return term;
    // A record is given each term once: this one was made of an earlier one again.
    const bool other_primary = !report.primary.empty() && report.primary != record.primary;
    if (report.term == record.term && other_primary) return term + " with the primary " + report.primary;
    if (report.instance != record.primary || report.accepted != record.term) return {};
    if (report.promotable_version > record.promotable.version) {
        return "list " + std::to_string(report.promotable_version);
    }
    const bool has_rule = report.synchronous_version != none_taken_over;
    if (has_rule && report.synchronous_version > record.synchronous.version) {
        return "rule " + std::to_string(report.synchronous_version);
    }
    return {};
}

// The primary of the term of its data: what others have of that term came from it, so it needs not say how much that is. Stopped at
// once when its right ran out, it cannot: it reads its WAL when it is started, and is started when it is told what it is.
bool holds_all_of_term(const Report& report) {
    return report.serving || (report.accepted > 0 && report.accepted == report.reach.term);
}

Renewal refuse(std::string why_not, std::string hint) { return {std::nullopt, std::move(why_not), std::move(hint)}; }

// What speaks against `to` in what another instance says of itself; none: nothing.
std::optional<Renewal> objection(const Report& other, const Report& to) {
    const std::string by_loss =
        "stop " + other.instance + " for good, and: failover --to " + to.instance + " --lost " + other.instance;
    if (other.serving) return refuse(other.instance + " serves", "failover --to " + other.instance);
    // Of two that were primary of one term, as when a record that was put back went on, neither holds the other's.
    const bool same_claim = other.reach.term == to.reach.term && holds_all_of_term(other);
    if (holds_all_of_term(to) && other.reach.term <= to.reach.term && !same_claim) return std::nullopt;
    if (!other.reach_age && other.reach.term > 0 && other.reach.term >= to.reach.term) {
        const std::string hint = holds_all_of_term(other) ? "failover --to " + other.instance : "ask again";
        return refuse(other.instance + " has not said yet how much it holds",
                      hint + "; when it never does, " + by_loss);
    }
    if (other.reach <= to.reach) return std::nullopt;
    return refuse(other.instance + " holds more than " + to.instance,
                  "failover --to " + other.instance + "; when that is to be lost, " + by_loss);
}

// Whoever may write now: it is not in the record, and may be a member no more.
std::vector<std::string> all_others(const Knowledge& known, const Policy& policy, std::vector<std::string> former,
                                    const std::string& to) {
    const auto add = [&](const std::string& name) {
        const bool counts = !name.empty() && name != to && name != source_name;
        if (counts && !contains(former, name)) former.push_back(name);
    };
    for (const auto& member : policy.members) add(member.peer.name);
    for (const auto* names : {&known.record->promotable.names, &known.record->acknowledged.names}) {
        for (const auto& name : *names) add(name);
    }
    for (const auto& [name, seen] : known.seen) {
        if (!is_foreign(known, seen.report)) add(seen.report.primary);
    }
    std::erase_if(former, [&](const std::string& name) {
        const Seen* seen = find(known, name);
        return seen != nullptr && is_foreign(known, seen->report);
    });
    return former;
}

// Past all that was counted under the record that is gone.
void count_on(Record& next, const Knowledge& known) {
    next.term = std::max(next.term, known.latest_term + 1);
    for (const auto& [name, seen] : known.seen) {
        const Report& report = seen.report;
        next.term = std::max(next.term, report.term + 1);
        next.promotable.version = std::max(next.promotable.version, report.promotable_version + 1);
        if (report.synchronous_version == none_taken_over) continue;
        next.synchronous.version = std::max(next.synchronous.version, report.synchronous_version + 1);
    }
    next.acknowledged = next.promotable;
}

}  // namespace

std::string why_old(const Knowledge& known) {
    std::string latest;
    std::tuple<Term, bool> rank;
    for (const auto& [name, seen] : known.seen) {
        const Report& report = seen.report;
        if (is_foreign(known, report)) continue;
        std::string what = later_than_record(*known.record, report);
        const std::tuple its(report.term, report.accepted == report.term);
        if (what.empty() || (!latest.empty() && its <= rank)) continue;
        latest = std::move(what) + " of " + name;
        rank = its;
    }
    if (!latest.empty()) return "the record is older than the instances (" + latest + ")";
    if (known.latest_term <= known.record->term) return {};
    return "the record is older than the one that was there before (term " + std::to_string(known.latest_term) + ")";
}

Renewal renew(const Knowledge& known, const Policy& policy, const std::string& to, const std::vector<std::string>& lost,
              Instant now) {
    if (const auto own = obstacle(known, policy, to, now); !own.why.empty()) {
        return refuse(to + " may not be promoted: " + std::string(own.why), std::string(own.hint));
    }
    const Report& chosen = find(known, to)->report;
    if (!chosen.reach_age && !holds_all_of_term(chosen))
        return refuse(to + " has not said yet how much it holds", "ask again");
    if (chosen.primary == source_name) {
        return refuse("the instances follow another cluster", "put the newer record back from a backup of the engine");
    }
    // Without those who are lost nobody can say who holds all.
    const DataLoss loss = lost.empty() ? DataLoss::refused : DataLoss::accepted;
    Record next = change_primary(*known.record, to, Chosen::all_stopped, loss);
    next.lost = lost;
    next.former = all_others(known, policy, std::move(next.former), to);
    next.former_terms.clear();  // those of a record that is lost may be later ones
    for (const auto& name : lost) {
        if (!contains(next.former, name)) return refuse("\"" + name + "\" is not another instance of this cluster", {});
    }
    for (const auto& name : next.former) {
        const Seen* seen = find(known, name);
        const bool answers = seen != nullptr && now - seen->received_at < policy.ttl;
        const bool is_lost = contains(lost, name);
        if (answers && is_lost) {
            return refuse(name + " answers, so it is not lost", "fence it, or stop it for good: then ask again");
        }
        if (!answers && !is_lost) {
            const bool is_member =
                std::ranges::any_of(policy.members, [&](const Member& it) { return it.peer.name == name; });
            std::string hint = is_member ? "start it" : "put it back into `instances` of all controllers";
            hint += "; or, when it is stopped for good: failover --to " + to + " --lost ";
            for (const auto& it : lost) hint += it + ",";
            return refuse(name + " does not answer, and may be the primary of a later term", hint + name);
        }
        if (!answers) continue;
        if (auto against = objection(seen->report, chosen)) return *against;
    }
    next.promotable.names.clear();
    count_on(next, known);
    if (!next.system_id) next.system_id = chosen.system_id;
    return {std::move(next), {}, {}};
}

}  // namespace pgbosun::controller
