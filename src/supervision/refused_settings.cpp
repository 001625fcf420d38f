#include "supervision/refused_settings.hpp"

#include <string>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr Duration patience = std::chrono::seconds(5);

// Who may connect: the server keeps the old rules, and has none at its next start.
Task<Result<>> check_refused_access(PgSession& session) {
    std::string sql =
        "select 'pg_hba', line_number, error from pg_catalog.pg_hba_file_rules where error is not null union all "
        "select 'pg_ident', line_number, error from pg_catalog.pg_ident_file_mappings where error is not null "
        "order by 1, 2 limit 1";
    const auto answer = co_await session.query(std::move(sql), {}, patience);
    if (!answer || answer->rows.empty()) co_return Result<>();
    const auto& row = answer->rows.front();
    const std::string file = row[0].value_or("");
    co_return fail(
        FaultKind::refused,
        "PostgreSQL does not take line " + row[1].value_or("") + " of " + file + ".conf: " + row[2].value_or(""),
        "correct postgresql." + file + " before PostgreSQL is started again: until then it keeps what it has");
}

}  // namespace

Task<Result<>> check_refused_settings(PgSession& session) {
    // The view reads the files when it is asked. An error of the file itself has no name.
    std::string sql =
        "select coalesce(f.name, 'the file'), coalesce(f.setting, ''), f.error, count(*) over () - 1 "
        "from pg_catalog.pg_file_settings f left join pg_catalog.pg_settings s on s.name = f.name "
        "where f.error is not null and s.context is distinct from 'postmaster' order by f.seqno limit 1";
    const auto answer = co_await session.query(std::move(sql), {}, patience);
    if (!answer || answer->rows.empty()) co_return co_await check_refused_access(session);
    const auto& row = answer->rows.front();
    std::string what =
        "PostgreSQL does not take " + row[0].value_or("") + " = '" + row[1].value_or("") + "': " + row[2].value_or("");
    if (row[3] != "0") what += ", and " + row[3].value_or("") + " more";
    co_return fail(FaultKind::refused, std::move(what),
                   "correct postgresql.parameters (pgbosun config check names all of them); until then PostgreSQL "
                   "keeps what it has");
}

}  // namespace pgbosun::supervision
