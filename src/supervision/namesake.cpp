#include "supervision/namesake.hpp"

#include <charconv>
#include <utility>

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration query_timeout = 3s;
constexpr Duration beyond_timeout = 1s;
constexpr Duration one_watch = 10s;  // a longer time between two looks, and what was seen before counts no more
// Sessions of one's own role show their name to everybody.
constexpr std::string_view namesake_sql = R"sql(
select exists(select from pg_stat_replication where application_name = $1)::text,
       (select setting from pg_settings where name = 'wal_sender_timeout'))sql";

}  // namespace

Task<Result<NamesakeFacts>> ask_namesake(PgSession& primary, std::string name) {
    std::string sql(namesake_sql);
    std::vector<Field> parameters{std::move(name)};
    const auto rows = co_await primary.query(std::move(sql), std::move(parameters), query_timeout);
    if (!rows) co_return std::unexpected(rows.error());
    std::int64_t timeout_ms = 0;
    const bool understood = rows->rows.size() == 1 && rows->rows[0].size() == 2 && rows->rows[0][0] && rows->rows[0][1];
    if (!understood) co_return fail(FaultKind::corrupt, "the primary's answer about its standbys is not understood");
    const std::string& text = *rows->rows[0][1];
    std::from_chars(text.data(), text.data() + text.size(), timeout_ms);
    co_return NamesakeFacts{*rows->rows[0][0] == "true", std::chrono::milliseconds(timeout_ms)};
}

Namesake::Verdict Namesake::look(const NamesakeFacts& facts, Instant now) {
    const bool watched = since_ && now - looked_at_ <= one_watch;
    looked_at_ = now;
    // Without a timeout what is left of a stream may stay for hours.
    if (!facts.streams || facts.sender_timeout == Duration::zero()) {
        since_.reset();
        return Verdict::none;
    }
    if (!watched) since_ = now;
    return now - *since_ < facts.sender_timeout + beyond_timeout ? Verdict::perhaps : Verdict::stays;
}

}  // namespace pgbosun::supervision
