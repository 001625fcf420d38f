#include <boost/asio/co_spawn.hpp>

#include "outside.hpp"
#include "supervision/bootstrap.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

TEST_CASE("a reload that takes bootstrap.recovery away while the archive is looked at does not end PID 1") {
    test::Outside it;
    it.settings.volume = "/v";
    it.settings.archive.emplace();
    it.settings.bootstrap.recovery.emplace().target.time = "2026-11-29 12:00:00+00";
    it.files.add_directory("/v/pgbosun");
    it.outside.archiver.command = [](std::vector<std::string>) {
        Command command;
        command.program = "/bin/pgbosun-archiver";
        return command;
    };
    Bootstrapper bootstrapper(
        it.outside, [](std::string_view, std::string_view) {},
        [&]() -> Task<Result<CatalogSummary>> {
            it.settings.bootstrap.recovery.reset();
            it.settings.archive.reset();
            CatalogSummary nothing;
            nothing.empty = true;
            co_return nothing;
        });
    std::optional<Bootstrapper::Report> report;

    boost::asio::co_spawn(it.loop, bootstrapper.run(it.settings),
                          [&](std::exception_ptr, Bootstrapper::Report ended) { report = std::move(ended); });
    test::run_until(it.loop, [&] { return it.processes.children.size() == 1; });
    it.processes.end(0, {ExitStatus::How::exited, 3});
    test::run_until(it.loop, [&] { return report.has_value(); });

    CHECK(report->outcome == instance::BootstrapOutcome::refused);
    CHECK(it.files.changes.back() == "write_durably /v/pgbosun/recovery");
}

TEST_CASE("a reload that takes bootstrap.recovery away when it has begun makes no empty database of it") {
    test::Outside it;
    it.settings.volume = "/v";
    it.settings.archive.emplace();
    it.settings.bootstrap.recovery.emplace();
    it.files.add_directory("/v/pgbosun");
    it.files.fault = [&](std::string_view, const std::string& path) -> std::optional<Fault> {
        if (path == "/v/pgbosun/bootstrapping") it.settings.bootstrap.recovery.reset();
        return std::nullopt;
    };
    it.outside.archiver.command = [](std::vector<std::string>) {
        Command command;
        command.program = "/bin/pgbosun-archiver";
        return command;
    };
    Bootstrapper bootstrapper(
        it.outside, [](std::string_view, std::string_view) {},
        []() -> Task<Result<CatalogSummary>> {
            CatalogSummary nothing;
            nothing.empty = true;
            co_return nothing;
        });
    bool ended = false;

    boost::asio::co_spawn(it.loop, bootstrapper.run(it.settings),
                          [&](std::exception_ptr, Bootstrapper::Report) { ended = true; });
    test::run_until(it.loop, [&] { return it.processes.children.size() == 1; });

    CHECK_FALSE(it.settings.bootstrap.recovery);
    CHECK(it.processes.children[0].command.program == "/bin/pgbosun-archiver");
    it.processes.end(0, {ExitStatus::How::exited, 3});
    test::run_until(it.loop, [&] { return ended; });
}

TEST_CASE("what is left of a restore is removed by the next one, for only that knows of its tablespaces") {
    test::Outside it;
    it.settings.volume = "/v";
    it.settings.archive.emplace();
    it.settings.bootstrap.recovery.emplace();
    it.files.add_directory("/v/pgbosun");
    it.files.add_file("/v/pgbosun/bootstrapping", "restore\n");
    it.files.add_directory("/v/pgdata");
    it.files.add_file("/v/pgdata/pgbosun.restore", "backup 20261121T010000\ntablespace /fast\n");
    it.outside.archiver.command = [](std::vector<std::string> arguments) {
        Command command;
        command.program = "/bin/pgbosun-archiver";
        command.arguments = std::move(arguments);
        return command;
    };
    Bootstrapper bootstrapper(
        it.outside, [](std::string_view, std::string_view) {},
        []() -> Task<Result<CatalogSummary>> {
            CatalogSummary nothing;
            nothing.empty = true;
            co_return nothing;
        });
    bool ended = false;

    boost::asio::co_spawn(it.loop, bootstrapper.run(it.settings),
                          [&](std::exception_ptr, Bootstrapper::Report) { ended = true; });
    test::run_until(it.loop, [&] { return it.processes.children.size() == 1; });

    CHECK(it.processes.children[0].command.arguments ==
          std::vector<std::string>{"restore", "--bootstrap", "--report", "json", "--anew"});
    CHECK(it.files.nodes.contains("/v/pgdata/pgbosun.restore"));
    it.processes.end(0, {ExitStatus::How::exited, 3});
    test::run_until(it.loop, [&] { return ended; });
}
