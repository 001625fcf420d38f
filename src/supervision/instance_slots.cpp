// The part of Instance that is about replication slots in a managed cluster.
#include <algorithm>
#include <utility>

#include "pgbosun/spawn.hpp"
#include "postgres/slot_names.hpp"
#include "supervision/instance.hpp"

namespace pgbosun::supervision {
namespace {

// A tenth of the volume that WAL is on.
bool is_short_of_room(const std::vector<VolumeStatus>& volumes) {
    const auto wal = std::ranges::find(volumes, "wal", &VolumeStatus::name);
    const auto it = wal != volumes.end() ? wal : std::ranges::find(volumes, "data", &VolumeStatus::name);
    return it != volumes.end() && it->total_bytes > 0 && it->available_bytes < it->total_bytes / 10;
}

}  // namespace

// Another cluster's primary is asked for none: it does not drop what is left.
std::string Instance::slot_at_upstream() const {
    const auto& slots = settings_.replication_slots;
    const auto upstream = membership_->upstream();
    const bool streams = slots.high_availability && settings_.postgresql.replication.stream;
    if (!streams || !upstream || upstream->name == source_name) return {};
    return postgres::member_slot(slots.slot_prefix, settings_.instance);
}

std::string Instance::slots_to_confirm() const {
    const bool confirms = settings_.replication_slots.synchronize_logical_decoding && status_.role == Role::primary;
    if (!confirms) return {};
    std::vector<std::string> streaming;
    for (const auto& standby : status_.standbys) {
        if (standby.state == "streaming") streaming.push_back(standby.name);
    }
    return confirming_slots(settings_.replication_slots, streaming, slot_upkeep_.slots());
}

SlotUpkeep::Situation Instance::slot_situation() {
    SlotUpkeep::Situation situation;
    const auto* running = std::get_if<instance::Running>(&supervisor_.state().activity);
    if (running == nullptr || !monitor_.facts().server || monitor_.facts().silent_since) return situation;
    situation.role = running->role;
    const auto primary = membership_->primary();
    const bool mirrors = running->role == Role::standby && primary && primary->name != source_name &&
                         performer_.followed() == primary->conninfo;
    if (mirrors) situation.primary = primary->conninfo;
    situation.mirrors_none = running->role == Role::standby && primary && primary->name == source_name;
    if (running->role == Role::standby) situation.streams_by = performer_.slot();
    for (const Peer& peer : membership_->stored().peers) situation.members.push_back(peer.name);
    situation.short_of_room = is_short_of_room(status().volumes);
    return situation;
}

// Apart from accompany(), which must not wait for it.
Task<> Instance::keep_slots() {
    for (;;) {
        co_await pause(outside_.loop, settings_.replication_slots.update_interval);
        // A standby that has to stream before it answers, by a slot that is not there, would never answer.
        const bool comes_up = std::holds_alternative<instance::Launching>(supervisor_.state().activity);
        const bool lacks = slot_situation().role == Role::standby && performer_.lacks_slot();
        if (comes_up || lacks) co_await performer_.seek_slot();
        auto situation = slot_situation();
        const Role role = situation.role;
        if (role == Role::none) {
            slot_upkeep_.forget();
            continue;
        }
        co_await slot_upkeep_.run(std::move(situation));
        if (role == Role::primary) accompany_primary();
    }
}

}  // namespace pgbosun::supervision
