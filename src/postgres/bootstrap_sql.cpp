#include "postgres/bootstrap_sql.hpp"

#include <libpq-fe.h>

#include <memory>
#include <new>

#include "postgres/configuration.hpp"

namespace pgbosun::postgres {
namespace {

using Steps = std::vector<BootstrapStep>;

std::string doubled(std::string_view text, char quote) {
    std::string result(1, quote);
    for (const char c : text) {
        if (c == quote) result += c;
        result += c;
    }
    return result += quote;
}

std::string role_exists(std::string_view role) {
    return "select 1 from pg_catalog.pg_roles where rolname = " + quote_literal(role);
}

BootstrapStep create_role(std::string_view role, std::string_view attributes) {
    return {.what = "creating role " + std::string(role),
            .database = "postgres",
            .unless = role_exists(role),
            .sql = "create role " + quote_identifier(role) + " " + std::string(attributes)};
}

// Our own statements see pg_catalog alone; the user's name their tables as they do in every other session.
BootstrapStep users_search_path(const Settings& settings, const std::string& database) {
    const auto chosen = settings.postgresql.parameters.find("search_path");
    const std::string path = chosen == settings.postgresql.parameters.end() ? "\"$user\", public" : chosen->second;
    return {.what = "setting the search path",
            .database = database,
            .unless = {},
            .sql = "select pg_catalog.set_config('search_path', " + quote_literal(path) + ", false)"};
}

void append_user_sql(Steps& steps, const Settings& settings, const std::vector<std::string>& statements,
                     std::string_view key, const std::string& database) {
    if (!statements.empty()) steps.push_back(users_search_path(settings, database));
    for (std::size_t i = 0; i < statements.size(); ++i)
        steps.push_back({.what = "running bootstrap.initdb." + std::string(key) + " number " + std::to_string(i + 1),
                         .database = database,
                         .unless = {},
                         .sql = statements[i],
                         .is_script = true,
                         .hint = "correct bootstrap.initdb." + std::string(key) +
                                 "; what cannot run in a transaction, such as CREATE DATABASE, needs an entry of its "
                                 "own"});
}

// What pg_rewind calls on its source; see its manual page, Notes.
constexpr std::string_view rewind_functions[] = {
    "pg_catalog.pg_ls_dir(text, boolean, boolean)",
    "pg_catalog.pg_stat_file(text, boolean)",
    "pg_catalog.pg_read_binary_file(text)",
    "pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean)",
};

}  // namespace

std::string quote_identifier(std::string_view name) { return doubled(name, '"'); }
std::string quote_literal(std::string_view text) { return doubled(text, '\''); }

Steps password_steps(std::string_view role, std::string_view verifier) {
    const std::string what = "setting the password of role " + std::string(role);
    Steps steps;
    // The last two are of extensions; where these are not loaded they are only names.
    steps.push_back({.what = what,
                     .database = "postgres",
                     .unless = {},
                     .sql = "select set_config('log_statement', 'none', false), "
                            "set_config('log_min_error_statement', 'panic', false), "
                            "set_config('log_min_duration_statement', '-1', false), "
                            "set_config('log_min_duration_sample', '-1', false), "
                            "set_config('log_transaction_sample_rate', '0', false), "
                            "set_config('pgaudit.log', 'none', false), "
                            "set_config('pg_stat_statements.track_utility', 'off', false)"});
    steps.push_back({.what = what,
                     .database = "postgres",
                     .unless = {},
                     .sql = "alter role " + quote_identifier(role) + " password " + quote_literal(verifier)});
    // What the user's SQL does in the same session is written down as configured.
    steps.push_back({.what = what, .database = "postgres", .unless = {}, .sql = "reset all"});
    return steps;
}

Steps role_steps(const Settings& settings) {
    const std::string& replication = settings.postgresql.replication.user;
    Steps steps;
    steps.push_back(create_role(replication, "login replication"));
    for (const std::string_view function : rewind_functions)
        steps.push_back(
            {.what = "granting what pg_rewind needs",
             .database = "postgres",
             .unless = "select 1 where has_function_privilege(" + quote_literal(replication) + ", " +
                       quote_literal(function) + ", 'execute')",
             .sql = "grant execute on function " + std::string(function) + " to " + quote_identifier(replication)});
    steps.push_back(create_role(metrics_role, "login in role pg_monitor"));
    return steps;
}

Steps owner_steps(const Settings& settings) {
    const InitdbSettings& initdb = settings.bootstrap.initdb;
    Steps steps;
    if (initdb.owner != superuser) steps.push_back(create_role(initdb.owner, "login"));
    steps.push_back(
        {.what = "creating database " + initdb.database,
         .database = "postgres",
         .unless = "select 1 from pg_catalog.pg_database where datname = " + quote_literal(initdb.database),
         .sql = "create database " + quote_identifier(initdb.database) + " owner " + quote_identifier(initdb.owner)});
    return steps;
}

Steps bootstrap_steps(const Settings& settings, const BootstrapSecrets& secrets) {
    const InitdbSettings& initdb = settings.bootstrap.initdb;
    Steps steps;
    append_user_sql(steps, settings, initdb.post_init_template_sql, "post_init_template_sql", "template1");
    for (BootstrapStep& step : role_steps(settings)) steps.push_back(std::move(step));
    const auto append_password = [&](const std::string& role, const std::optional<std::string>& verifier) {
        if (!verifier) return;
        for (BootstrapStep& step : password_steps(role, *verifier)) steps.push_back(std::move(step));
    };
    append_password(settings.postgresql.replication.user, secrets.replication_verifier);
    for (BootstrapStep& step : owner_steps(settings)) steps.push_back(std::move(step));
    append_password(initdb.owner, secrets.owner_verifier);
    append_user_sql(steps, settings, initdb.post_init_sql, "post_init_sql", "postgres");
    append_user_sql(steps, settings, initdb.post_init_application_sql, "post_init_application_sql", initdb.database);
    return steps;
}

Result<std::string> scram_verifier(const std::string& role, const std::string& password) {
    if (password.empty() || password.find('\0') != std::string::npos)
        return fail(FaultKind::refused, "the password of role " + role + " is empty or holds a NUL byte");
    // libpq wants a connection object for its messages only: one that was refused at once serves, and opens nothing.
    const std::unique_ptr<PGconn, decltype(&PQfinish)> nowhere(PQconnectStart("port=refused"), &PQfinish);
    if (!nowhere) throw std::bad_alloc();
    const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
        PQencryptPasswordConn(nowhere.get(), password.c_str(), role.c_str(), "scram-sha-256"), &PQfreemem);
    if (!verifier) return fail(FaultKind::refused, "libpq cannot compute a password verifier for role " + role);
    return std::string(verifier.get());
}

}  // namespace pgbosun::postgres
