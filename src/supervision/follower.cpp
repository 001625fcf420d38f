#include "supervision/follower.hpp"

#include <utility>

#include "postgres/configuration.hpp"
#include "supervision/local_wal.hpp"
#include "supervision/upstream.hpp"
#include "supervision/wal_comparison.hpp"

namespace pgbosun::supervision {
namespace {

Fault not_understood() { return {FaultKind::corrupt, "the standby's answer is not understood", ""}; }

Task<Result<instance::LocalData>> running_data(Surroundings& outside, PgSession& session,
                                               const postgres::ControlData& control) {
    auto reach = co_await reach_of_standby(session, control.timeline, control.wal_segment_size);
    if (!reach) co_return std::unexpected(std::move(reach.error()));
    instance::LocalData it;
    it.system_id = control.system_id;
    it.server_major = outside.machine.server_major;
    it.end = instance::LocalEnd::crashed_standby;
    it.timeline = reach->history.timeline;
    it.wal_end = reach->end;
    it.held = reach->end;
    it.history = std::move(reach->history);
    it.rewindable = control.data_checksum_version != 0 || control.wal_log_hints;
    co_return it;
}

}  // namespace

Task<Result<Comparison>> compare_with_primary(Surroundings& outside, const postgres::ControlData& control,
                                              std::string conninfo, std::string name) {
    const auto size = wal::SegmentSize::from_bytes(control.wal_segment_size);
    if (!size) co_return std::unexpected(not_understood());
    const auto primary = co_await outside.open_upstream(std::move(conninfo));
    if (!primary) co_return std::unexpected(primary.error());
    Comparison it;
    auto upstream = co_await ask_upstream(**primary);
    if (!upstream) co_return std::unexpected(std::move(upstream.error()));
    it.upstream = std::move(*upstream);
    const auto namesake = co_await ask_namesake(**primary, std::move(name));
    if (!namesake) co_return std::unexpected(namesake.error());
    it.namesake = *namesake;

    const auto local = outside.open_session("postgres", std::string(postgres::superuser));
    auto running = co_await running_data(outside, *local, control);
    if (!running) co_return std::unexpected(std::move(running.error()));
    it.local = std::move(*running);
    it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    if (instance::awaits(it.plan, instance::Missing::shared_wal)) {
        auto pieces = instance::pieces_to_compare(it.local, it.upstream.history, *size);
        auto ours = wal_of_server(*local, *size);
        auto theirs = wal_of_server(**primary, *size);
        const auto shared = co_await compare_wal(std::move(pieces), std::move(ours), std::move(theirs));
        if (!shared) co_return std::unexpected(shared.error());
        it.upstream.shared = *shared;
        it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    }
    co_return it;
}

Task<Result<Comparison>> compare_with_archive(Surroundings& outside, SourceArchive& source, const Settings& settings,
                                              const postgres::ControlData& control) {
    const auto size = wal::SegmentSize::from_bytes(control.wal_segment_size);
    if (!size) co_return std::unexpected(not_understood());
    auto seen = co_await source.look(settings, control.system_id);
    if (!seen) co_return std::unexpected(std::move(seen.error()));
    Comparison it;
    const auto local = outside.open_session("postgres", std::string(postgres::superuser));
    auto running = co_await running_data(outside, *local, control);
    if (!running) co_return std::unexpected(std::move(running.error()));
    it.local = std::move(*running);
    it.plan = instance::plan_rejoin(it.local, seen->upstream, {});
    if (instance::awaits(it.plan, instance::Missing::shared_wal)) {
        auto pieces = instance::pieces_to_compare(it.local, seen->upstream.history, *size);
        auto ours = wal_of_server(*local, *size);
        const auto shared = co_await source.compare(settings, std::move(pieces), std::move(ours), *size);
        if (!shared) co_return std::unexpected(shared.error());
        seen->upstream.shared = *shared;
        it.plan = instance::plan_rejoin(it.local, seen->upstream, {});
    }
    it.lost = instance::has_lost(*seen, it.local.wal_end, size->bytes());
    it.copyable = seen->restorable_from.has_value();
    it.upstream = std::move(seen->upstream);
    co_return it;
}

}  // namespace pgbosun::supervision
