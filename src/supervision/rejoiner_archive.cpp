// The part of Rejoiner that is about a cluster which is followed by its archive, without a connection: there is nobody to ask and
// nothing to rewind to, and a copy is a restored backup.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/rejoiner.hpp"

namespace pgbosun::supervision {
namespace {

bool makes_a_copy(const instance::RejoinPlan& plan) {
    return std::holds_alternative<instance::Clone>(plan.what) || std::holds_alternative<instance::Reclone>(plan.what);
}

Rejoiner::Report waits(Fault fault) {
    return {instance::BootstrapOutcome::primary_absent, false, std::move(fault.what), std::move(fault.hint)};
}

}  // namespace

Task<Rejoiner::Report> Rejoiner::run_by_archive(const Settings& settings, const Inspection& inspection,
                                                instance::Attempts attempts) {
    show("looking at the source's archive");
    const auto local = co_await look_at_data(settings, inspection);
    if (!local) co_return waits(local.error());
    auto seen = co_await look_at_source(settings, inspection, *local);
    if (cancelled_) co_return Report{instance::BootstrapOutcome::failed, false, "the rejoin was cancelled", ""};
    const auto plan = seen ? instance::plan_rejoin(*local, seen->upstream, attempts) : instance::RejoinPlan();
    std::optional<Fault> hindrance;
    if (!seen) {
        hindrance = seen.error();
    } else if (makes_a_copy(plan) && !seen->restorable_from) {
        hindrance = no_copy_can_be_made();
    }
    if (hindrance && *local) {
        log::warning(
            "the source's archive cannot be followed now; the data comes up for reading, and follows when it can",
            {{"reason", hindrance->what}, {"hint", hindrance->hint}});
        co_return co_await mark(settings, inspection, false);
    }
    if (hindrance) co_return waits(std::move(*hindrance));
    calls_.planned(plan, *local, seen->upstream);
    std::string whom(archive_source);
    co_return co_await carry_out(settings, inspection, plan, std::move(whom), seen->upstream);
}

// With the bytes of WAL that both must have compared, where the plan rests on them.
Task<Result<instance::ArchiveUpstream>> Rejoiner::look_at_source(const Settings& settings, const Inspection& inspection,
                                                                 const std::optional<instance::LocalData>& local) {
    const SystemId otherwise = local ? local->system_id : SystemId{};
    auto seen = co_await source_.look(settings, otherwise);
    if (!seen || !local || cancelled_) co_return seen;
    const auto plan = instance::plan_rejoin(local, seen->upstream, {});
    if (!instance::awaits(plan, instance::Missing::shared_wal)) co_return seen;
    const auto size = wal::SegmentSize::from_bytes(inspection.usable->control.wal_segment_size);
    if (!size) {
        seen->upstream.shared = instance::SharedWal::gone;  // pg_control with such a size is not taken for usable
        co_return seen;
    }
    auto pieces = instance::pieces_to_compare(*local, seen->upstream.history, *size);
    auto ours = wal_of_directory(outside_.files, settings.data_directory() + "/pg_wal", *size);
    const auto shared = co_await source_.compare(settings, std::move(pieces), std::move(ours), *size);
    if (!shared) co_return std::unexpected(shared.error());
    seen->upstream.shared = *shared;
    co_return seen;
}

// What it is made of is the archive's, so it follows the archive at once.
Task<Rejoiner::Report> Rejoiner::copy_of_source(const Settings& settings, const instance::Upstream& upstream) {
    tell("clone: from the archive, for the cluster follows it", {});
    progress_.reset();  // the bootstrapper shows its own
    if (cancelled_) co_return Report{instance::BootstrapOutcome::failed, false, "the rejoin was cancelled", ""};
    wal::TimelineHistory history = upstream.history;
    auto restored = co_await bootstrapper_.clone_source(settings, std::move(history));
    co_return Report{restored.outcome, true, std::move(restored.reason), std::move(restored.hint)};
}

}  // namespace pgbosun::supervision
