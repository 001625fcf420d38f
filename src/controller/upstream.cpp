#include "controller/upstream.hpp"

#include <algorithm>
#include <tuple>

namespace pgbosun::controller {
namespace {

const Member* member(const Policy& policy, const std::string& name) {
    const auto found = std::ranges::find(policy.members, name, [](const Member& it) { return it.peer.name; });
    return found == policy.members.end() ? nullptr : &*found;
}

// It answers, and has streamed lately: a change of upstream is a reload, and not made for a moment's silence.
bool passes_on(const Knowledge& known, const Policy& policy, const std::string& name, Instant now) {
    const Seen* seen = find(known, name);
    return seen != nullptr && now - seen->received_at < policy.ttl && seen->good_at &&
           now - *seen->good_at < 2 * policy.ttl;
}

bool streams_from_source(const Knowledge& known, const Seen& seen) {
    return seen.report.streaming && seen.report.primary == source_name && seen.report.upstream == known.record->source;
}

}  // namespace

std::string leader_of_standbys(const Knowledge& known, const Policy& policy, Instant now) {
    // Who streams from there already stays, whoever gets further meanwhile; else who holds the most.
    const auto rank = [&](const Seen& seen) {
        const Member* it = member(policy, seen.report.instance);
        const bool streams = streams_from_source(known, seen);
        return std::tuple(streams, it->upstream.empty(), !seen.report.delayed, it->priority,
                          streams ? Reach{} : seen.report.reach);
    };
    const Seen* best = nullptr;
    for (const auto& [name, seen] : known.seen) {
        const bool able = member(policy, name) != nullptr && seen.report.able && now - seen.received_at < policy.ttl;
        if (able && (best == nullptr || rank(seen) > rank(*best))) best = &seen;
    }
    return best == nullptr ? std::string() : best->report.instance;
}

std::string upstream_of(const Knowledge& known, const Policy& policy, const std::string& name, Instant now) {
    const Member* itself = member(policy, name);
    if (itself == nullptr) return {};
    const auto& ahead = known.fast_forward;
    if (ahead && ahead->candidate == name && !ahead->from.empty()) return ahead->from;
    const std::string& wanted = itself->upstream;
    const bool of_source = known.record->primary == source_name;
    // Who streamed from another one that replays the archive would have the same, later.
    if (of_source && known.record->source == archive_source) return {};
    const std::string leader = of_source ? leader_of_standbys(known, policy, now) : known.record->primary;
    if (name == leader) return {};
    if (!wanted.empty() && wanted != leader && passes_on(known, policy, wanted, now)) return wanted;
    return of_source && passes_on(known, policy, leader, now) ? leader : std::string();
}

}  // namespace pgbosun::controller
