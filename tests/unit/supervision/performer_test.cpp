#include "supervision/performer.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/postgres/control_bytes.hpp"
#include "unit/supervision/outside.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// A member of a cluster, of which it has no data yet.
struct Member : test::Outside {
    Member() {
        settings.volume = "/volume";
        settings.run_dir = "/run";
        settings.instance = "pg-2";
        settings.postgresql.bin_dir = "/bin";
        settings.bootstrap.clone_from = CloneFrom::primary;
        outside.machine.account = "postgres";
        outside.machine.server_major = 15;
        outside.open_upstream = [this](std::string conninfo) -> Task<Result<std::unique_ptr<PgSession>>> {
            asked.push_back(std::move(conninfo));
            std::unique_ptr<PgSession> opened = std::make_unique<test::FakePgSession>(server);
            co_return opened;
        };
        server->answer = [](const std::string& sql, const auto&) -> Result<Rows> {
            if (sql.find("pg_control_system") != std::string::npos)
                return Rows{{}, {{"f", "7", "150000", "1", "0/6000000", "1"}}};
            if (sql.find("pg_stat_replication") != std::string::npos) return Rows{{}, {{"false", "5000"}}};
            return Rows{};
        };
        files.add_directory("/volume/pgbosun");
        files.add_directory("/run");
        performer.perform(instance::InspectVolume{});
        test::run_until(loop, [this] { return performer.inspection().has_value(); });
    }
    Performer::Calls calls() {
        Performer::Calls calls;
        calls.answer = [this](const instance::Event& event) {
            if (const auto* ended = std::get_if<instance::RejoinEnded>(&event)) outcome = ended->outcome;
            if (const auto* made = std::get_if<instance::BootstrapEnded>(&event)) outcome = made->outcome;
        };
        calls.output = [](std::string_view, std::string_view) {};
        calls.changed = [] {};
        calls.primary = [this] { return primary; };
        calls.upstream = calls.primary;
        calls.foreign_wal = [] { return false; };
        calls.rejoin.losing_data = []() -> Task<Result<>> { co_return Result<>(); };
        calls.rejoin.record = [](const auto&, const auto&) {};
        calls.rejoin.planned = [](const auto&, const auto&, const auto&) {};
        calls.rejoin.cloning = [](const auto&, const auto&) {};
        return calls;
    }
    void until_over() {
        test::run_until(loop, [this] { return outcome.has_value(); });
    }

    std::string primary = "host=pg-1";
    std::vector<std::string> asked;  // conninfos
    std::optional<instance::BootstrapOutcome> outcome;
    Performer performer{outside, settings, calls()};
};

// A standby whose server runs.
struct Serving : Member {
    explicit Serving(std::set<std::string> late = {}) {
        processes.late = std::move(late);
        outside.machine.uid = 1000;
        outside.open_session = [this](const std::string&, const std::string&) {
            return std::make_unique<test::FakePgSession>(server);
        };
        files.add_file("/volume/pgdata/PG_VERSION", "15\n");
        files.add_file("/volume/pgdata/global/pg_control", test::control_bytes());
        files.add_file("/volume/pgdata/standby.signal", "");
        performer.perform(instance::InspectVolume{});
        test::run_until(loop, [this] { return performer.inspection()->usable.has_value(); });
        performer.perform(instance::Launch{});
        test::run_until(loop, [this] { return performer.postmaster().has_value(); });
    }
};

}  // namespace

TEST_CASE("a reload that is asked for while another one writes comes after it, and the newest configuration stays") {
    Serving it;
    const std::string file = "/volume/pgdata/pgbosun.conf";
    bool asked = false;
    it.files.fault = [&](std::string_view verb, const std::string& path) -> std::optional<Fault> {
        if (verb == "write_durably" && path == file && !std::exchange(asked, true)) {
            it.performer.set_synchronous("newer");
            it.performer.perform(instance::Reload{});
        }
        return std::nullopt;
    };

    it.performer.set_synchronous("older");
    it.performer.perform(instance::Reload{});
    CHECK(it.performer.reloads_asked() >= 1);
    test::run_until(it.loop, [&] { return it.performer.last_reload().count == 2; });

    CHECK(asked);
    CHECK(it.files.nodes[file].content.find("synchronous_standby_names = 'newer'") != std::string::npos);
}

TEST_CASE("a postgres whose program is not executed yet says so, and where to look") {
    CHECK(Serving().performer.reason().empty());
    const Serving it({"/bin/postgres"});
    CHECK(it.performer.reason() == "postgres is not executed yet: what holds /bin/postgres does not answer");
    CHECK_FALSE(it.performer.hint().empty());
    CHECK(it.performer.postmaster().has_value());
}

TEST_CASE("a rejoin that is cancelled before it has begun does not begin") {
    Member it;

    it.performer.perform(instance::Rejoin{});
    it.performer.perform(instance::CancelRejoin{});
    it.until_over();

    CHECK(it.outcome == instance::BootstrapOutcome::failed);
    CHECK(it.processes.children.empty());
    CHECK(it.files.changes.empty());

    it.outcome.reset();
    it.performer.perform(instance::Rejoin{});
    test::run_until(it.loop, [&] { return it.processes.children.size() == 1; });
    CHECK(it.processes.children[0].command.program == "/bin/pg_basebackup");
    it.processes.end(0, {ExitStatus::How::exited, 1});
    it.until_over();
}

TEST_CASE("a bootstrap that is cancelled before it has begun does not begin") {
    Member it;

    it.performer.perform(instance::Bootstrap{});
    it.performer.perform(instance::CancelBootstrap{});
    it.until_over();

    CHECK(it.outcome == instance::BootstrapOutcome::failed);
    CHECK(it.processes.children.empty());
    CHECK_FALSE(it.files.nodes.contains("/volume/pgbosun/bootstrapping"));
}

TEST_CASE("who is named while a rejoin waits for the volume is the one that is asked") {
    Member it;
    it.files.fault = [&](std::string_view, const std::string&) -> std::optional<Fault> {
        it.primary = "host=pg-3";
        return std::nullopt;
    };

    it.performer.perform(instance::Rejoin{});
    test::run_until(it.loop, [&] { return it.processes.children.size() == 1; });

    CHECK(it.asked.front() == "host=pg-3");
    it.processes.end(0, {ExitStatus::How::exited, 1});
    it.until_over();
}
