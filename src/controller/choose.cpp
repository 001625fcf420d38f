#include "controller/choose.hpp"

#include <algorithm>

#include "controller/handover.hpp"
#include "controller/old_record.hpp"
#include "controller/succession.hpp"
#include "controller/upstream.hpp"
#include "instance/right.hpp"

namespace pgbosun::controller {
namespace {

Assignment for_member(const Record& record, const Policy& policy, const std::string& name) {
    Assignment it;
    it.cluster = policy.cluster;
    it.instance = name;
    it.term = record.term;
    it.primary = record.primary;
    it.promotable = record.promotable;
    it.synchronous = record.synchronous;
    for (const auto& member : policy.members) it.peers.push_back(member.peer);
    if (record.primary == source_name) it.peers.push_back({std::string(source_name), {}, record.source});
    return it;
}

// For a standby that has not been told yet what holds now.
std::optional<Assignment> for_standby(const Knowledge& known, const Policy& policy, const std::string& name,
                                      const Seen& seen, Instant now) {
    const Record& record = *known.record;
    Assignment it = for_member(record, policy, name);
    it.upstream = upstream_of(known, policy, name, now);
    const auto& from = it.upstream.empty() ? it.primary : it.upstream;
    const auto peer = std::ranges::find(it.peers, from, &Peer::name);
    const bool elsewhere = seen.report.upstream && peer != it.peers.end() && *seen.report.upstream != peer->conninfo;
    if (seen.report.term < record.term || seen.report.primary != record.primary || elsewhere) return it;
    return std::nullopt;
}

// Somebody who answered lately may hold more than the recorded primary; it is waited for, but not for long.
bool awaits_others(const Knowledge& known, const Policy& policy, const Proof& proof, const Seen& candidate,
                   Instant now) {
    if (now >= proof.at + policy.ttl / 5 || holds_all_of_former(known, proof, candidate)) return false;
    return std::ranges::any_of(known.seen, [&](const auto& it) {
        return it.second.reached_at < proof.at && now - it.second.received_at < policy.ttl / 2;
    });
}

// From when on what the candidates hold is all there is; none: it is not so yet.
std::optional<Proof> stopped_for_good(const Knowledge& known, const Policy& policy, const Seen& seen, Instant now,
                                      Choice& choice) {
    auto proof = proof_of_stop(known, policy, now);
    if (!proof) {
        choice.waits_for = "a former primary may still write";
    } else if (proof->former != FormerPrimary::stopped) {
        if (known.record->chosen == Chosen::all_stopped && !proof->vouched_for) {
            choice.waits_for = "a former primary has not acknowledged its stop";
            return std::nullopt;
        }
        if (!known.unbound_at) {
            choice.waits_for = "the candidate is bound by a promise";
            choice.look_again = seen.received_at + std::max(seen.report.bound_for, Duration::zero());
            return std::nullopt;
        }
        proof->at = std::max(proof->at, *known.unbound_at);
    }
    return proof;
}

// For the recorded primary, which has not accepted this term yet.
std::optional<Assignment> promotion(const Knowledge& known, const Policy& policy, const Seen& seen, Instant now,
                                    Choice& choice) {
    const Record& record = *known.record;
    const auto proof = stopped_for_good(known, policy, seen, now, choice);
    if (!proof) return std::nullopt;
    // What was asked for before that does not count: ask at once.
    if (seen.reached_at < proof->at) choice.look_again = now;
    if (lacks_of_handover(known, seen)) return std::nullopt;
    if (record.data_loss == DataLoss::refused && awaits_others(known, policy, *proof, seen, now)) {
        choice.waits_for = "the other candidates have not said yet how far they got";
        choice.look_again = now;
        return std::nullopt;
    }
    choice.waits_for = unfit(Field{known, policy, proof->at, now}, record.primary, record.data_loss);
    if (!choice.waits_for.empty()) return std::nullopt;
    Assignment it = for_member(record, policy, record.primary);
    it.former = proof->former;
    it.at_least = seen.report.reach;
    return it;
}

std::optional<Assignment> for_primary(Knowledge& known, const Policy& policy, const Seen& seen, Instant now,
                                      Choice& choice) {
    const Record& record = *known.record;
    // A grant now would only be waited for then.
    if (known.in_flight && known.in_flight->term != record.term) return std::nullopt;
    const Duration ttl = lease_to_grant(record, policy);
    if (ttl <= Duration::zero()) return std::nullopt;
    const bool accepted = seen.report.accepted == record.term;
    std::optional<Assignment> it =
        accepted ? for_member(record, policy, record.primary) : promotion(known, policy, seen, now, choice);
    if (!it) {
        // It refuses (no_lease), and has seen the term: from then on it promises for no older one.
        if (seen.report.term >= record.term) return std::nullopt;
        choice.look_again = now;
        return for_member(record, policy, record.primary);
    }
    if (!accepted && !known.promoted_at) known.promoted_at = now;
    it->lease = Lease{seen.report.echo, ttl};
    const Instant end = seen.received_at + instance::with_margin(ttl);
    auto& leased_until = known.leased_until[record.primary];
    leased_until = std::max(leased_until, end);
    return it;
}

void assign(Knowledge& known, const Policy& policy, Instant now, Choice& choice) {
    const Record& record = *known.record;
    for (auto& [name, seen] : known.seen) {
        if (seen.answered || now - seen.received_at >= policy.ttl) continue;
        std::optional<Assignment> it;
        if (name == record.primary) {
            it = for_primary(known, policy, seen, now, choice);
        } else {
            it = for_standby(known, policy, name, seen, now);
        }
        if (!it) continue;
        seen.answered = true;
        choice.actions.emplace_back(Assign{std::move(*it)});
    }
}

// Whom the candidate streams from stays while the next term is being written.
void note_fast_forward(Knowledge& known, const Policy& policy, const Succession& next, Instant now) {
    const bool changes = next.record && next.record->term != known.record->term;
    if (next.fast_forward) {
        known.fast_forward = next.fast_forward;
    } else if (is_serving(known, policy, now)) {
        known.fast_forward.reset();
    } else if (known.fast_forward && !changes) {
        known.fast_forward->from.clear();
    }
}

}  // namespace

std::optional<Proof> proof_of_stop(const Knowledge& known, const Policy& policy, Instant now) {
    Proof proof{Instant{}, FormerPrimary::stopped};
    for (const auto& name : known.record->former) {
        const auto stopped = known.stopped_at.find(name);
        if (stopped != known.stopped_at.end()) {
            proof.at = std::max(proof.at, stopped->second);
            continue;
        }
        const Instant end = lease_end(known, policy, name);
        if (now < end) return std::nullopt;
        proof.at = std::max(proof.at, end);
        proof.former = FormerPrimary::perhaps_alive;
        if (!contains(known.record->lost, name)) proof.vouched_for = false;
    }
    return proof;
}

Choice choose(Knowledge& known, const Policy& policy, Instant now) {
    Choice choice;
    if (now >= known.leader_until || !known.record) return choice;
    choice.waits_for = why_old(known);
    if (!choice.waits_for.empty()) {
        choice.hint = hint_to_renew;
        return choice;
    }
    if (!known.in_flight) {
        auto next = succeed(known, policy, now);
        choice.waits_for = next.waits_for;
        choice.look_again = next.look_again;
        note_fast_forward(known, policy, next, now);
        if (next.record) {
            known.in_flight = next.record;
            choice.actions.emplace_back(Write{std::move(*next.record)});
        }
    }
    if (known.record->term > 0) assign(known, policy, now, choice);
    return choice;
}

}  // namespace pgbosun::controller
