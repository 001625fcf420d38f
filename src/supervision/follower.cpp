#include "supervision/follower.hpp"

#include <utility>

#include "postgres/configuration.hpp"
#include "supervision/local_wal.hpp"
#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

Fault not_understood() { return {FaultKind::corrupt, "the standby's answer is not understood", ""}; }

// What neither of the two has any more cannot be compared; then equal histories are believed.
Task<Result<instance::LastPage>> compare_last_page(PgSession& local, PgSession& primary, Timeline timeline, Lsn end,
                                                   std::uint32_t segment_bytes) {
    const auto size = wal::SegmentSize::from_bytes(segment_bytes);
    if (!size) co_return std::unexpected(not_understood());
    const Lsn begin{(end.value - 1) / wal_page_size * wal_page_size};
    const auto ours = co_await read_wal_page(local, timeline, begin, end, *size);
    if (!ours) co_return std::unexpected(ours.error());
    const auto theirs = co_await read_wal_page(primary, timeline, begin, end, *size);
    if (!theirs) co_return std::unexpected(theirs.error());
    if (!*ours || !*theirs || **ours == **theirs) co_return instance::LastPage::same;
    co_return instance::LastPage::differs;
}

}  // namespace

Task<Result<Comparison>> compare_with_primary(Surroundings& outside, const postgres::ControlData& control,
                                              std::string conninfo) {
    const auto primary = co_await outside.open_upstream(std::move(conninfo));
    if (!primary) co_return std::unexpected(primary.error());
    Comparison it;
    auto upstream = co_await ask_upstream(**primary);
    if (!upstream) co_return std::unexpected(std::move(upstream.error()));
    it.upstream = std::move(*upstream);

    const auto local = outside.open_session("postgres", std::string(postgres::superuser));
    auto reach = co_await reach_of_standby(*local, control.timeline, control.wal_segment_size);
    if (!reach) co_return std::unexpected(std::move(reach.error()));
    it.local.system_id = control.system_id;
    it.local.server_major = outside.machine.server_major;
    it.local.end = instance::LocalEnd::crashed_standby;
    const Timeline timeline = reach->history.timeline;
    it.local.timeline = timeline;
    it.local.wal_end = reach->end;
    it.local.history = std::move(reach->history);
    it.local.rewindable = control.data_checksum_version != 0 || control.wal_log_hints;
    it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    const auto* missing = std::get_if<instance::AwaitFact>(&it.plan.what);
    if (missing != nullptr && missing->missing == instance::Missing::last_page) {
        const auto page = co_await compare_last_page(*local, **primary, timeline, reach->end, control.wal_segment_size);
        if (!page) co_return std::unexpected(page.error());
        it.upstream.last_page = *page;
        it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    }
    co_return it;
}

}  // namespace pgbosun::supervision
