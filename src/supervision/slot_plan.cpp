#include "supervision/slot_plan.hpp"

#include <algorithm>

#include "postgres/slot_names.hpp"

namespace pgbosun::supervision {
namespace {

using postgres::ReplicationSlot;

// Time enough to start an instance anew, and for a new member to be named and to stream.
constexpr Duration shortest_absence = std::chrono::minutes(1);

const ReplicationSlot* find(const std::vector<ReplicationSlot>& slots, const std::string& name) {
    const auto found = std::ranges::find(slots, name, &ReplicationSlot::name);
    return found == slots.end() ? nullptr : &*found;
}

bool is_members(const ReplicationSlotSettings& settings, const ReplicationSlot& slot) {
    return slot.physical && slot.name.starts_with(settings.slot_prefix);
}

bool is_mirrored(const ReplicationSlotSettings& settings, const std::string& own, const ReplicationSlot& slot) {
    if (!slot.physical || slot.lost || !slot.restart || slot.name == own) return false;
    if (postgres::is_excluded(slot.name, settings.exclude_patterns)) return false;
    return is_members(settings, slot) ? settings.high_availability : settings.synchronize_replicas;
}

std::string_view reason_to_drop(const ReplicationSlotSettings& settings, const std::string& instance,
                                const MemberSlots& facts, const std::string& slot, Duration idle) {
    const auto is_of = [&](const std::string& member) {
        return postgres::member_slot(settings.slot_prefix, member) == slot;
    };
    if (is_of(instance)) return "it is of this instance, which streams from nobody here";
    if (idle >= settings.member_slots_ttl) return "the member has been away for longer than member_slots_ttl";
    if (idle < shortest_absence) return {};
    if (!facts.members.empty() && std::ranges::none_of(facts.members, is_of)) return "no member is called so";
    return facts.short_of_room ? "the member is away, and the volume of WAL is nearly full" : std::string_view();
}

}  // namespace

SlotPlan mirror_slots(const ReplicationSlotSettings& settings, const std::string& instance,
                      const std::vector<ReplicationSlot>& ours, const std::vector<ReplicationSlot>& theirs,
                      const std::vector<std::string>& mirrored, std::string_view gone) {
    const std::string own = postgres::member_slot(settings.slot_prefix, instance);
    SlotPlan plan;
    for (const auto& slot : theirs) {
        if (!is_mirrored(settings, own, slot)) continue;
        const auto* here = find(ours, slot.name);
        const bool ours_alone = here != nullptr && std::ranges::find(mirrored, slot.name) == mirrored.end();
        if (ours_alone || (here != nullptr && !here->physical)) continue;
        plan.mirrored.push_back(slot.name);
        if (here != nullptr && here->active) continue;  // its own consumer moves it on
        const bool missing = here == nullptr || here->lost;
        if (missing) plan.steps.push_back({SlotStep::Kind::make, slot.name, {}, {}});
        if (missing || here->restart < slot.restart)
            plan.steps.push_back({SlotStep::Kind::advance, slot.name, *slot.restart, {}});
    }
    std::ranges::sort(plan.mirrored);
    const auto wanted = plan.mirrored;
    for (const auto& name : mirrored) {
        if (std::ranges::binary_search(wanted, name)) continue;
        const auto* here = find(ours, name);
        if (here == nullptr || postgres::is_excluded(name, settings.exclude_patterns)) continue;
        plan.mirrored.push_back(name);  // until it is seen to be gone
        if (!here->active) plan.steps.push_back({SlotStep::Kind::drop, name, {}, gone});
    }
    std::ranges::sort(plan.mirrored);
    return plan;
}

std::vector<SlotStep> drop_member_slots(const ReplicationSlotSettings& settings, const std::string& instance,
                                        const MemberSlots& facts, const std::vector<ReplicationSlot>& slots,
                                        std::map<std::string, Instant>& idle_since, Instant now) {
    std::vector<SlotStep> steps;
    std::map<std::string, Instant> idle;
    for (const auto& slot : slots) {
        const bool judged = is_members(settings, slot) && !slot.active &&
                            !postgres::is_excluded(slot.name, settings.exclude_patterns) &&
                            std::ranges::find(facts.mirrored, slot.name) == facts.mirrored.end();
        if (!judged) continue;
        const auto before = idle_since.find(slot.name);
        const Instant since = idle[slot.name] = before == idle_since.end() ? now : before->second;
        const auto why = reason_to_drop(settings, instance, facts, slot.name, now - since);
        if (!why.empty()) steps.push_back({SlotStep::Kind::drop, slot.name, {}, why});
    }
    idle_since = std::move(idle);
    return steps;
}

std::string confirming_slots(const ReplicationSlotSettings& settings, const std::vector<std::string>& standbys,
                             const std::vector<ReplicationSlot>& slots) {
    if (!settings.high_availability || !settings.synchronize_logical_decoding) return {};
    std::vector<std::string> names;
    for (const auto& standby : standbys) {
        auto name = postgres::member_slot(settings.slot_prefix, standby);
        const auto* slot = find(slots, name);
        if (slot != nullptr && slot->physical && slot->active && !slot->lost) names.push_back(std::move(name));
    }
    std::ranges::sort(names);
    std::string value;
    for (const auto& name : names) value.append(value.empty() ? "" : ",").append(name);
    return value;
}

}  // namespace pgbosun::supervision
