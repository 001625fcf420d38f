#include "instance/rejoin.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pgbosun::instance {
namespace {

// The i-th timeline that a history went through, and where it left it.
Position leg(const wal::TimelineHistory& history, std::size_t index) {
    if (index < history.ancestors.size()) return {history.ancestors[index].timeline, history.ancestors[index].fork};
    return {history.timeline, never};
}

RejoinPlan rewind(const LocalData& local, const Upstream& upstream, const Attempts& attempts, Lsn fork) {
    if (!upstream.connects)
        return {Reclone{},
                "it went on after the archive's history had left its timeline, and pg_rewind needs a connection"};
    if (!local.rewindable) return {Reclone{}, "it has neither checksums nor wal_log_hints, which pg_rewind needs"};
    if (attempts.rewind_failed) return {Reclone{}, "pg_rewind has failed"};
    if (!upstream.checkpointed) {
        return {AwaitFact{Missing::upstream_checkpoint},
                "the upstream has not finished its checkpoint after promotion"};
    }
    return {Rewind{fork}, "it went on after the upstream's history had left its timeline"};
}

// None: it has one history with the upstream as far as both go, for all that can be known.
std::optional<RejoinPlan> forked(const Upstream& upstream) {
    switch (upstream.shared) {
        case SharedWal::same:
        case SharedWal::gone: return std::nullopt;
        case SharedWal::unknown:
            return RejoinPlan{AwaitFact{Missing::shared_wal}, "its WAL has not been compared with the upstream's"};
        case SharedWal::differs: break;
    }
    return RejoinPlan{Reclone{}, "its timeline has the upstream's number and history, and other bytes"};
}

bool went_through(const wal::TimelineHistory& history, Timeline timeline) {
    const auto is_it = [&](const auto& ancestor) { return ancestor.timeline == timeline; };
    return history.timeline == timeline || std::ranges::any_of(history.ancestors, is_it);
}

std::optional<RejoinPlan> impossible(const LocalData& local, const Upstream& upstream) {
    if (!local.readable) return RejoinPlan{Refuse{}, "pg_control is damaged"};
    if (local.system_id != upstream.system_id) return RejoinPlan{Refuse{}, "its data is of another system"};
    if (local.server_major != upstream.server_major) {
        return RejoinPlan{Refuse{}, "its data is of another major version"};
    }
    return std::nullopt;
}

}  // namespace

std::string_view name_of(const RejoinPlan& plan) {
    constexpr std::string_view names[] = {"follow", "clone", "rewind", "reclone", "refuse", "wait"};
    static_assert(std::size(names) == std::variant_size_v<decltype(plan.what)>);
    return names[plan.what.index()];
}

bool awaits(const RejoinPlan& plan, Missing missing) { return plan.what == decltype(plan.what)(AwaitFact{missing}); }

std::optional<Lsn> divergence(const wal::TimelineHistory& local, const wal::TimelineHistory& upstream) {
    std::optional<Lsn> shared;
    const std::size_t legs = std::min(local.ancestors.size(), upstream.ancestors.size()) + 1;
    for (std::size_t index = 0; index < legs; ++index) {
        const Position ours = leg(local, index);
        const Position theirs = leg(upstream, index);
        if (ours.timeline != theirs.timeline) return shared;
        shared = std::min(ours.lsn, theirs.lsn);
        if (ours.lsn != theirs.lsn) return shared;
    }
    return shared;
}

RejoinPlan plan_rejoin(const std::optional<LocalData>& local, const Upstream& upstream, const Attempts& attempts) {
    if (!local) return {Clone{}, "it has no data"};
    if (auto plan = impossible(*local, upstream)) return *plan;
    if (attempts.clone_asked) return {Reclone{}, "it was asked for"};
    if (attempts.wal_gone) return {Reclone{}, "WAL that it needs is nowhere any more"};
    if (!attempts.parted.empty()) return {Reclone{}, attempts.parted};
    if (attempts.unusable) return {Reclone{}, "PostgreSQL cannot start on it"};
    const auto fork = divergence(local->history, upstream.history);
    if (!fork) return {Reclone{}, "it shares no timeline with the upstream"};
    if (auto plan = forked(upstream)) return *plan;
    const bool equal = *fork == never;
    if (!local->wal_end_known && local->wal_end <= *fork) {
        if (equal || local->end != LocalEnd::crashed_primary) {
            return {AwaitFact{Missing::wal_end}, "the end of its WAL is not known"};
        }
        return rewind(*local, upstream, attempts, *fork);
    }
    if (equal && upstream.shared == SharedWal::gone)
        return {Follow{}, "its history is the upstream's; WAL to compare is gone"};
    if (equal) return {Follow{}, "its WAL is the upstream's"};
    if (local->wal_end > *fork) return rewind(*local, upstream, attempts, *fork);
    // PostgreSQL that has switched to a timeline does not go back, and pg_rewind finds nothing to do.
    if (!went_through(upstream.history, local->timeline)) {
        return {Reclone{}, "it has switched to a timeline that the upstream does not have"};
    }
    return {Follow{}, "it ends where the upstream's history left its timeline, or before"};
}

}  // namespace pgbosun::instance
