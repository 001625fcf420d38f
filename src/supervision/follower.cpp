#include "supervision/follower.hpp"

#include <utility>

#include "postgres/configuration.hpp"
#include "supervision/local_wal.hpp"
#include "supervision/upstream.hpp"
#include "supervision/wal_comparison.hpp"

namespace pgbosun::supervision {
namespace {

Fault not_understood() { return {FaultKind::corrupt, "the standby's answer is not understood", ""}; }

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
    auto reach = co_await reach_of_standby(*local, control.timeline, control.wal_segment_size);
    if (!reach) co_return std::unexpected(std::move(reach.error()));
    it.local.system_id = control.system_id;
    it.local.server_major = outside.machine.server_major;
    it.local.end = instance::LocalEnd::crashed_standby;
    it.local.timeline = reach->history.timeline;
    it.local.wal_end = reach->end;
    it.local.held = reach->end;
    it.local.history = std::move(reach->history);
    it.local.rewindable = control.data_checksum_version != 0 || control.wal_log_hints;
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

}  // namespace pgbosun::supervision
