#include "controller/handover.hpp"

#include <algorithm>

namespace pgbosun::controller {
namespace {

constexpr std::string_view not_received = "the candidate has not received all that the former primary has written";

// The data of a server that has been shut down has no age, and has an end. A crashed one's age is not known.
bool has_ended(const Seen& seen) {
    return seen.report.stopped && seen.report.reach_age == Duration::zero() && seen.report.reach.lsn > Lsn{};
}

// Nobody has become the primary of this term, as far as we know.
bool is_pending(const Knowledge& known) {
    const Record& record = *known.record;
    if (record.handed_by.empty() || record.data_loss == DataLoss::accepted || known.promoted_at) return false;
    return std::ranges::none_of(known.seen, [&](const auto& it) {
        const Report& report = it.second.report;
        return report.reach.term >= record.term || (it.first == record.primary && report.accepted == record.term);
    });
}

bool can_serve_again(const Seen& seen, const Record& record) {
    const Report& report = seen.report;
    const bool same_system = !record.system_id || report.system_id == record.system_id;
    return report.able && report.stopped && !report.fenced && same_system;
}

}  // namespace

std::string_view unfit_for_handover(const Field& field, const std::string& name) {
    if (!is_listed(*field.known.record, name)) return "it is not on the promotable list";
    if (const auto why = unfit(field, name, DataLoss::accepted); !why.empty()) return why;
    if (find(field.known, name)->report.to_replay > most_to_replay) return "it has too much WAL to replay first";
    return {};
}

Pick pick_for_handover(const Field& field) {
    Knowledge fit = field.known;
    std::string why_not;
    for (const auto& name : field.known.record->promotable.names) {
        const auto why = unfit_for_handover(field, name);
        if (why.empty()) continue;
        why_not = why;
        // What it holds counts all the same.
        if (const auto seen = fit.seen.find(name); seen != fit.seen.end()) seen->second.report.able = false;
    }
    std::erase_if(fit.seen, [&](const auto& it) { return !is_listed(*field.known.record, it.first); });
    auto best = pick(Field{fit, field.policy, field.not_before, field.now}, field.known.record->primary);
    if (!best.name && !why_not.empty()) best.why_not = why_not;
    return best;
}

bool holds_all_of_fenced(const Field& field, const std::string& name) {
    const Knowledge& known = field.known;
    const Seen* from = find(known, known.record->primary);
    const Seen* to = find(known, name);
    if (from == nullptr || to == nullptr || field.now - from->received_at >= field.policy.ttl) return false;
    const Report& report = from->report;
    const bool fenced = report.fenced && report.accepted == known.record->term && has_ended(*from);
    return fenced && to->report.reach >= report.reach;
}

bool holds_all_of_former(const Knowledge& known, const Proof& proof, const Seen& candidate) {
    if (proof.former != FormerPrimary::stopped || candidate.reached_at < proof.at) return false;
    return std::ranges::all_of(known.record->former, [&](const std::string& name) {
        const Seen* seen = find(known, name);
        return seen != nullptr && has_ended(*seen) && seen->report.reach <= candidate.report.reach;
    });
}

bool lacks_of_handover(const Knowledge& known, const Seen& candidate) {
    const Record& record = *known.record;
    if (record.handed_by.empty() || record.data_loss == DataLoss::accepted) return false;
    const Seen* from = find(known, record.handed_by);
    const bool ended = from != nullptr && known.stopped_at.contains(record.handed_by) && has_ended(*from);
    return !ended || candidate.report.reach < from->report.reach;
}

std::optional<Succession> end_handover(const Knowledge& known, const Policy& policy, const Proof& proof, Instant now) {
    if (!is_pending(known)) return std::nullopt;
    const Record& record = *known.record;
    const Seen* to = find(known, record.primary);
    if (to != nullptr && !lacks_of_handover(known, *to) && now - to->received_at < policy.ttl) return std::nullopt;
    // What is on its way to a standby comes within moments, or not at all.
    const Instant until = std::max(known.served_at, proof.at) + policy.ttl;
    if (now < until) return Succession{std::nullopt, std::string(not_received), until};
    const Seen* from = find(known, record.handed_by);
    const bool answers = from != nullptr && now - from->received_at < policy.ttl;
    if (answers && from->report.term < record.term) return Succession{std::nullopt, std::string(not_received), {}};
    if (answers && can_serve_again(*from, record)) {
        return Succession{change_primary(record, record.handed_by, Chosen::from_list, DataLoss::refused), {}, {}};
    }
    if (record.paused) return std::nullopt;
    Record failover = record;
    failover.handed_by.clear();
    return Succession{std::move(failover), {}, {}};
}

}  // namespace pgbosun::controller
