#include "controller/choose.hpp"

#include <algorithm>

#include "controller/succession.hpp"
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
    return it;
}

// Somebody who answered lately may hold more than the recorded primary; it is waited for, but not for long.
bool awaits_others(const Knowledge& known, const Policy& policy, const Proof& proof, Instant now) {
    if (now >= proof.at + policy.ttl / 5) return false;
    return std::ranges::any_of(known.seen, [&](const auto& it) {
        return it.second.asked_at < proof.at && now - it.second.received_at < policy.ttl / 2;
    });
}

// The recorded primary, which has not accepted this term yet.
std::optional<Assignment> promotion(const Knowledge& known, const Policy& policy, const Seen& seen, Instant now,
                                    std::string_view& waits_for) {
    const Record& record = *known.record;
    const auto proof = proof_of_stop(known, policy, now);
    if (!proof) {
        waits_for = "a former primary may still write";
        return std::nullopt;
    }
    if (record.chosen == Chosen::all_stopped && proof->former != FormerPrimary::stopped) {
        waits_for = "a former primary has not acknowledged its stop";
        return std::nullopt;
    }
    if (record.data_loss == DataLoss::refused && awaits_others(known, policy, *proof, now)) {
        waits_for = "the other candidates have not said yet how far they got";
        return std::nullopt;
    }
    waits_for = unfit(Field{known, policy, proof->at, now}, record.primary, record.data_loss);
    if (!waits_for.empty()) return std::nullopt;
    Assignment it = for_member(record, policy, record.primary);
    it.former = proof->former;
    it.at_least = seen.report.reach;
    return it;
}

std::optional<Assignment> for_primary(Knowledge& known, const Policy& policy, const Seen& seen, Instant now,
                                      std::string_view& waits_for) {
    const Record& record = *known.record;
    // A grant now would only be waited for then.
    if (known.in_flight && known.in_flight->term != record.term) return std::nullopt;
    std::optional<Assignment> it = seen.report.accepted == record.term
                                       ? for_member(record, policy, record.primary)
                                       : promotion(known, policy, seen, now, waits_for);
    if (!it) return std::nullopt;
    it->lease = Lease{seen.report.echo, policy.ttl};
    const Instant end = seen.received_at + instance::with_margin(policy.ttl);
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
            it = for_primary(known, policy, seen, now, choice.waits_for);
        } else if (seen.report.term < record.term || seen.report.primary != record.primary) {
            it = for_member(record, policy, name);
        }
        if (!it) continue;
        seen.answered = true;
        choice.actions.emplace_back(Assign{std::move(*it)});
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
    }
    return proof;
}

Choice choose(Knowledge& known, const Policy& policy, Instant now) {
    Choice choice;
    if (now >= known.leader_until || !known.record) return choice;
    if (!known.in_flight) {
        auto next = succeed(known, policy, now);
        choice.waits_for = next.waits_for;
        choice.look_again = next.look_again;
        if (next.record) {
            if (known.wanted && known.wanted->primary == next.record->primary) known.wanted.reset();
            known.in_flight = next.record;
            choice.actions.emplace_back(Write{std::move(*next.record)});
        }
    }
    if (known.record->term > 0) assign(known, policy, now, choice);
    return choice;
}

}  // namespace pgbosun::controller
