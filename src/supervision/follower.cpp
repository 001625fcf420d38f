#include "supervision/follower.hpp"

#include <charconv>
#include <utility>

#include "postgres/configuration.hpp"
#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration query_timeout = std::chrono::seconds(3);
constexpr std::size_t timeline_digits = 8;  // of a segment's name

struct LocalWal {
    Timeline timeline{};
    Lsn end;
};

Fault not_understood() { return {FaultKind::corrupt, "the standby's answer is not understood", ""}; }

// The timeline is that of the newest segment that holds the end: pg_control learns of a switch much later.
Task<Result<LocalWal>> ask_local_wal(PgSession& session, const postgres::ControlData& control) {
    const auto size = wal::SegmentSize::from_bytes(control.wal_segment_size);
    if (!size) co_return std::unexpected(not_understood());
    std::string sql = "select greatest(pg_last_wal_replay_lsn(), pg_last_wal_receive_lsn())::text";
    const auto position = co_await session.query(std::move(sql), {}, query_timeout);
    if (!position) co_return std::unexpected(position.error());
    const auto end = position->rows.size() == 1 && position->rows[0][0] ? parse_lsn(*position->rows[0][0]) : std::nullopt;
    if (!end || *end == Lsn{}) co_return std::unexpected(not_understood());
    const std::string name = to_string(name_of(wal::segment_at(Timeline{1}, Lsn{end->value - 1}, *size), *size));
    sql = "select max(substr(name, 1, 8)) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and substr(name, 9) = $1";
    std::vector<Field> parameters{name.substr(timeline_digits)};
    const auto newest = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!newest) co_return std::unexpected(newest.error());
    if (newest->rows.size() != 1) co_return std::unexpected(not_understood());
    LocalWal wal{control.timeline, *end};
    if (const auto& digits = newest->rows[0][0]) {
        std::uint32_t timeline = 0;
        std::from_chars(digits->data(), digits->data() + digits->size(), timeline, 16);
        wal.timeline = Timeline{timeline};
    }
    co_return wal;
}

Task<Result<wal::TimelineHistory>> ask_local_history(PgSession& session, Timeline timeline) {
    if (timeline == Timeline{1}) co_return wal::TimelineHistory{timeline, {}};
    std::string sql = "select convert_from(pg_read_binary_file('pg_wal/' || $1), 'UTF8')";
    std::vector<Field> parameters{history_file(timeline)};
    const auto rows = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->rows.size() != 1 || !rows->rows[0][0]) co_return std::unexpected(not_understood());
    co_return wal::parse_history(timeline, *rows->rows[0][0]);
}

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
    const auto wal = co_await ask_local_wal(*local, control);
    if (!wal) co_return std::unexpected(wal.error());
    auto history = co_await ask_local_history(*local, wal->timeline);
    if (!history) co_return std::unexpected(std::move(history.error()));
    it.local.system_id = control.system_id;
    it.local.server_major = outside.machine.server_major;
    it.local.end = instance::LocalEnd::crashed_standby;
    it.local.timeline = wal->timeline;
    it.local.wal_end = wal->end;
    it.local.history = std::move(*history);
    it.local.rewindable = control.data_checksum_version != 0 || control.wal_log_hints;
    it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    const auto* missing = std::get_if<instance::AwaitFact>(&it.plan.what);
    if (missing != nullptr && missing->missing == instance::Missing::last_page) {
        const auto page = co_await compare_last_page(*local, **primary, wal->timeline, wal->end, control.wal_segment_size);
        if (!page) co_return std::unexpected(page.error());
        it.upstream.last_page = *page;
        it.plan = instance::plan_rejoin(it.local, it.upstream, {});
    }
    co_return it;
}

}  // namespace pgbosun::supervision
