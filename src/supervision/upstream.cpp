#include "supervision/upstream.hpp"

#include <charconv>
#include <cstdio>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr Duration query_timeout = std::chrono::seconds(3);

constexpr std::string_view upstream_sql = R"sql(
select pg_is_in_recovery() as in_recovery, s.system_identifier::text as system_id,
       current_setting('server_version_num') as version,
       case when pg_is_in_recovery() then null
            else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint::text end as timeline,
       case when pg_is_in_recovery() then null else pg_current_wal_flush_lsn()::text end as flushed,
       c.timeline_id::text as checkpoint_timeline
  from pg_control_system() s cross join pg_control_checkpoint() c)sql";

// It looks at each file of each database; whoever asks can do without.
constexpr Duration size_timeout = std::chrono::seconds(5);
constexpr std::string_view data_size_sql = R"sql(
select case when bool_and(may) then (sum(pg_database_size(oid)) filter (where may))::text end
  from (select oid, has_database_privilege(oid, 'connect') as may from pg_database) d)sql";

Fault not_understood() { return {FaultKind::corrupt, "the primary's answer is not understood", ""}; }

template <class Number>
std::optional<Number> number_of(const Field& field) {
    if (!field) return std::nullopt;
    Number value{};
    const auto [end, error] = std::from_chars(field->data(), field->data() + field->size(), value);
    if (error != std::errc{} || end != field->data() + field->size()) return std::nullopt;
    return value;
}

Result<instance::Upstream> parse(const std::vector<Field>& row) {
    if (row.size() != 6) return std::unexpected(not_understood());
    if (row[0] == "t") return fail(FaultKind::unavailable, "it is not a primary yet");
    const auto system_id = number_of<std::int64_t>(row[1]);
    const auto version = number_of<int>(row[2]);
    const auto timeline = number_of<std::uint32_t>(row[3]);
    const auto flushed = row[4] ? parse_lsn(*row[4]) : std::nullopt;
    const auto checkpoint_timeline = number_of<std::uint32_t>(row[5]);
    if (!system_id || !version || !timeline || !flushed || !checkpoint_timeline)
        return std::unexpected(not_understood());
    instance::Upstream upstream;
    upstream.system_id = SystemId{static_cast<std::uint64_t>(*system_id)};
    upstream.server_major = *version / 10000;
    upstream.position = Position{Timeline{*timeline}, *flushed};
    upstream.checkpointed = *checkpoint_timeline == *timeline;
    upstream.history.timeline = Timeline{*timeline};
    return upstream;
}

}  // namespace

std::string history_file(Timeline timeline) {
    char name[24];
    std::snprintf(name, sizeof name, "%08X.history", number(timeline));
    return name;
}

Task<Result<instance::Upstream>> ask_upstream(PgSession& session) {
    std::string sql(upstream_sql);
    const auto rows = co_await session.query(std::move(sql), {}, query_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->rows.size() != 1) co_return std::unexpected(not_understood());
    auto upstream = parse(rows->rows.front());
    if (!upstream || upstream->history.timeline == Timeline{1}) co_return upstream;
    sql = "select convert_from(pg_read_binary_file('pg_wal/' || $1), 'UTF8')";
    std::vector<Field> parameters{history_file(upstream->history.timeline)};
    const auto history = co_await session.query(std::move(sql), std::move(parameters), query_timeout);
    if (!history) co_return std::unexpected(history.error());
    if (history->rows.size() != 1 || !history->rows[0][0]) co_return std::unexpected(not_understood());
    auto parsed = wal::parse_history(upstream->history.timeline, *history->rows[0][0]);
    if (!parsed) co_return std::unexpected(std::move(parsed.error()));
    upstream->history = std::move(*parsed);
    co_return upstream;
}

Task<Result<std::optional<std::uint64_t>>> ask_data_size(PgSession& session) {
    std::string sql(data_size_sql);
    const auto rows = co_await session.query(std::move(sql), {}, size_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->rows.size() != 1 || rows->rows[0].size() != 1) co_return std::unexpected(not_understood());
    co_return number_of<std::uint64_t>(rows->rows[0][0]);
}

}  // namespace pgbosun::supervision
