// A server in memory that has roles, and a secret that changes.
#include "supervision/role_upkeep.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <set>

#include "postgres/configuration.hpp"
#include "outside.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// The quoted name behind `before`.
std::string name_after(const std::string& sql, const std::string& before, char quote) {
    const auto begin = sql.find(before + quote);
    if (begin == std::string::npos) return {};
    const auto name = begin + before.size() + 1;
    return sql.substr(name, sql.find(quote, name) - name);
}

struct Fixture : test::Outside {
    Fixture() {
        server->answer = [this](const std::string& sql, const std::vector<Field>&) { return answer(sql); };
        outside.open_session = [this](const std::string&, const std::string&) {
            return std::make_unique<test::FakePgSession>(server);
        };
        settings.postgresql.replication.password_file = "/secrets/replication";
        mounts.add_file("/secrets/replication", "first\n");
    }
    Result<Rows> answer(const std::string& sql) {
        Rows rows;
        if (sql.starts_with("create role ")) {
            const auto role = name_after(sql, "create role ", '"');
            if (refused.contains(role)) return fail(FaultKind::refused, "42501: permission denied");
            roles.insert(role);
        } else if (sql.find("pg_roles") != std::string::npos) {
            if (roles.contains(name_after(sql, "rolname = ", '\''))) rows.rows.push_back({Field("1")});
        } else if (sql.starts_with("alter role ")) {
            const auto role = name_after(sql, "alter role ", '"');
            if (!roles.contains(role)) return fail(FaultKind::refused, "42704: role does not exist");
            passwords.push_back(role + " " + name_after(sql, "password ", '\'').substr(0, 13));
        }
        return rows;
    }
    void run() {
        bool over = false;
        boost::asio::co_spawn(loop, upkeep.run(settings), [&](std::exception_ptr) { over = true; });
        test::run_until(loop, [&] { return over; });
    }

    std::set<std::string> roles, refused;
    std::vector<std::string> passwords;  // each that was set, in order
    RoleUpkeep upkeep{outside};
};

}  // namespace

TEST_CASE("a cluster that pgbosun did not initialise gets its roles, and keeps those that it has") {
    Fixture it;
    it.roles = {"streaming_replica", "somebody"};

    it.run();

    CHECK(it.roles == std::set<std::string>{"streaming_replica", "somebody", std::string(postgres::metrics_role)});
    const auto creates =
        std::ranges::count_if(it.server->statements, [](const auto& sql) { return sql.starts_with("create role"); });
    CHECK(creates == 1);
    it.run();
    CHECK(std::ranges::count_if(it.server->statements,
                                [](const auto& sql) { return sql.starts_with("create role"); }) == 1);
}

TEST_CASE("a verifier is sent to no server that would write it down") {
    Fixture it;
    const bool obeys = GENERATE(true, false);
    std::vector<std::string> order;
    it.server->answer = [&](const std::string& sql, const auto&) -> Result<Rows> {
        if (sql.find("'log_statement', 'none'") != std::string::npos) {
            order.emplace_back("quiet");
            if (!obeys) return fail(FaultKind::refused, "42501: permission denied");
        }
        if (sql.find("SCRAM-SHA-256$") != std::string::npos) order.emplace_back("verifier");
        if (sql == "reset all") order.emplace_back("as before");
        return it.answer(sql);
    };

    it.run();

    using Order = std::vector<std::string>;
    CHECK(order == (obeys ? Order{"quiet", "verifier", "as before"} : Order{"quiet"}));
}

TEST_CASE("a role's password follows its secret, is sent as a verifier, and is not set again without need") {
    Fixture it;

    it.run();
    it.run();
    CHECK(it.passwords == std::vector<std::string>{"streaming_replica SCRAM-SHA-256"});

    it.mounts.add_file("/secrets/replication", "second\n");
    it.run();
    CHECK(it.passwords.size() == 2);
    for (const auto& sql : it.server->statements) {
        CHECK(sql.find("first") == std::string::npos);
        CHECK(sql.find("second") == std::string::npos);
    }
}

TEST_CASE("the owner's password is set too, and what fails is tried again at the next call") {
    Fixture it;
    it.settings.bootstrap.initdb.password_file = "/secrets/app";
    it.mounts.add_file("/secrets/app", "secret");
    it.refused = {std::string(postgres::metrics_role)};

    it.run();
    // The owner is not there: it was not this configuration that made the cluster.
    CHECK(it.passwords.size() == 1);
    CHECK_FALSE(it.roles.contains(std::string(postgres::metrics_role)));

    it.refused.clear();
    it.roles.insert("app");
    it.run();
    CHECK(it.roles.contains(std::string(postgres::metrics_role)));
    CHECK(it.passwords.back().starts_with("app "));
}

TEST_CASE("the superuser's password follows its secret, where it has one") {
    Fixture it;
    it.roles = {"postgres", "streaming_replica"};
    it.settings.bootstrap.initdb.superuser_password_file = "/secrets/superuser";
    it.mounts.add_file("/secrets/superuser", "rotated");

    it.run();

    CHECK(it.passwords.back() == "postgres SCRAM-SHA-256");
}

TEST_CASE("a secret that cannot be read leaves the password as it is") {
    Fixture it;
    it.mounts.nodes.erase("/secrets/replication");

    it.run();

    CHECK(it.passwords.empty());
    CHECK(it.roles.contains("streaming_replica"));
}

TEST_CASE("a recovered cluster gets the application's owner when its password is given") {
    Fixture it;
    it.settings.bootstrap.initdb.password_file = "/secrets/app";
    it.mounts.add_file("/secrets/app", "secret");
    it.settings.bootstrap.recovery.emplace();

    it.run();

    CHECK(it.roles.contains("app"));
    CHECK(it.passwords.back().starts_with("app "));
    CHECK(std::ranges::any_of(it.server->statements,
                              [](const auto& sql) { return sql.starts_with("create database \"app\""); }));
}
