#include "supervision/role_upkeep.hpp"

#include <utility>

#include "pgbosun/log.hpp"
#include "postgres/bootstrap_sql.hpp"
#include "postgres/configuration.hpp"
#include "supervision/preparation.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration step_timeout = std::chrono::seconds(10);

}  // namespace

Task<> RoleUpkeep::run(const Settings& settings) {
    again_ = true;
    if (running_) co_return;
    running_ = true;
    while (again_) {
        again_ = false;
        // A session of its own: the monitor's must not wait behind a lock.
        const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
        auto steps = postgres::role_steps(settings);
        co_await carry_out(*session, std::move(steps));
        // Whose password is given here is wanted, also in a cluster that was recovered from somebody else's backup.
        if (settings.bootstrap.recovery && settings.bootstrap.initdb.password_file) {
            auto owner = postgres::owner_steps(settings);
            co_await carry_out(*session, std::move(owner));
        }
        if (const auto& file = settings.postgresql.replication.password_file) {
            co_await set_password(*session, settings.postgresql.replication.user, *file);
        }
        if (const auto& file = settings.bootstrap.initdb.password_file) {
            co_await set_password(*session, settings.bootstrap.initdb.owner, *file);
        }
        if (const auto& file = settings.bootstrap.initdb.superuser_password_file) {
            std::string role(postgres::superuser);
            co_await set_password(*session, std::move(role), *file);
        }
    }
    running_ = false;
}

Task<> RoleUpkeep::carry_out(PgSession& session, std::vector<postgres::BootstrapStep> steps) {
    for (const auto& step : steps) {
        if (!step.unless.empty()) {
            std::string sql = step.unless;
            const auto there = co_await session.query(std::move(sql), {}, step_timeout);
            if (there && !there->rows.empty()) continue;
        }
        std::string sql = step.sql;
        const auto done = co_await session.query(std::move(sql), {}, step_timeout);
        if (!done) log::warning("a role or database could not be made: " + done.error().what, {{"step", step.what}});
    }
}

Task<> RoleUpkeep::set_password(PgSession& session, std::string role, std::string secret_file) {
    const auto password = co_await read_secret(outside_, std::move(secret_file));
    if (!password) {
        log::warning("a role's password could not be set: " + password.error().what, {{"role", role}});
        co_return;
    }
    const std::size_t hash = std::hash<std::string>{}(*password);
    const auto applied = applied_.find(role);
    if (applied != applied_.end() && applied->second == hash) co_return;
    const auto verifier = postgres::scram_verifier(role, *password);
    if (!verifier) {
        log::warning("a role's password could not be set: " + verifier.error().what, {{"role", role}});
        co_return;
    }
    for (const auto& step : postgres::password_steps(role, *verifier)) {
        std::string sql = step.sql;
        const auto done = co_await session.query(std::move(sql), {}, step_timeout);
        if (!done) {
            log::warning("a role's password could not be set: " + done.error().what, {{"role", role}});
            co_return;
        }
    }
    applied_[role] = hash;
}

}  // namespace pgbosun::supervision
