#include "supervision/local_wal.hpp"

#include <charconv>
#include <utility>

#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration query_timeout = std::chrono::seconds(3);
constexpr std::size_t timeline_digits = 8;  // of a segment's name

Fault not_understood() { return {FaultKind::corrupt, "the standby's answer is not understood", ""}; }

// The timeline is that of the newest segment that holds the end: pg_control learns of a switch much later.
Task<Result<Position>> ask_end(PgSession& session, Timeline otherwise, wal::SegmentSize size) {
    std::string sql = "select greatest(pg_last_wal_replay_lsn(), pg_last_wal_receive_lsn())::text";
    const auto answer = co_await session.query(std::move(sql), {}, query_timeout);
    if (!answer) co_return std::unexpected(answer.error());
    const auto end = answer->rows.size() == 1 && answer->rows[0][0] ? parse_lsn(*answer->rows[0][0]) : std::nullopt;
    if (!end || *end == Lsn{}) co_return std::unexpected(not_understood());
    const std::string name = to_string(name_of(wal::segment_at(otherwise, Lsn{end->value - 1}, size), size));
    sql = "select max(substr(name, 1, 8)) from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and substr(name, 9) = $1";
    std::vector<Field> parameters{name.substr(timeline_digits)};
    const auto newest = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!newest) co_return std::unexpected(newest.error());
    if (newest->rows.size() != 1) co_return std::unexpected(not_understood());
    Position position{otherwise, *end};
    if (const auto& digits = newest->rows[0][0]) {
        std::uint32_t timeline = 0;
        std::from_chars(digits->data(), digits->data() + digits->size(), timeline, 16);
        position.timeline = Timeline{timeline};
    }
    co_return position;
}

Task<Result<wal::TimelineHistory>> ask_history(PgSession& session, Timeline timeline) {
    if (timeline == Timeline{1}) co_return wal::TimelineHistory{timeline, {}};
    std::string sql = "select convert_from(pg_read_binary_file('pg_wal/' || $1), 'UTF8')";
    std::vector<Field> parameters{history_file(timeline)};
    const auto rows = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->rows.size() != 1 || !rows->rows[0][0]) co_return std::unexpected(not_understood());
    co_return wal::parse_history(timeline, *rows->rows[0][0]);
}

}  // namespace

Task<Result<wal::Reach>> reach_of_standby(PgSession& session, Timeline otherwise, std::uint32_t segment_bytes) {
    const auto size = wal::SegmentSize::from_bytes(segment_bytes);
    if (!size) co_return std::unexpected(not_understood());
    const auto end = co_await ask_end(session, otherwise, *size);
    if (!end) co_return std::unexpected(end.error());
    auto history = co_await ask_history(session, end->timeline);
    if (!history) co_return std::unexpected(std::move(history.error()));
    co_return wal::Reach{std::move(*history), end->lsn};
}

Task<Result<wal::Reach>> reach_before_promotion(PgSession& session) {
    auto primary = co_await ask_upstream(session);
    if (!primary) co_return std::unexpected(std::move(primary.error()));
    const auto& ancestors = primary->history.ancestors;
    const Lsn fork = ancestors.empty() ? Lsn{} : ancestors.back().fork;
    co_return wal::Reach{std::move(primary->history), fork};
}

}  // namespace pgbosun::supervision
