#include "supervision/performer.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"
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

}  // namespace

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
