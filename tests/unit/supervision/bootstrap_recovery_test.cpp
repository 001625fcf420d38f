#include <boost/asio/co_spawn.hpp>

#include "outside.hpp"
#include "supervision/bootstrap.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

// An empty volume that is to be filled from an archive; the own one is empty.
struct Restoring : test::Outside {
    Restoring() {
        settings.volume = "/v";
        settings.archive.emplace();
        settings.bootstrap.recovery.emplace();
        files.add_directory("/v/pgbosun");
        outside.archiver.command = [](std::vector<std::string> arguments) {
            Command command;
            command.program = "/bin/pgbosun-archiver";
            command.arguments = std::move(arguments);
            return command;
        };
    }
    // Runs until the first program is started.
    const Command& begin() {
        boost::asio::co_spawn(loop, bootstrapper.run(settings),
                              [this](std::exception_ptr, Bootstrapper::Report ended) { report = std::move(ended); });
        test::run_until(loop, [&] { return processes.children.size() == 1; });
        return processes.children[0].command;
    }
    void end_refused() {
        processes.end(0, {ExitStatus::How::exited, 3});
        test::run_until(loop, [&] { return report.has_value(); });
    }

    std::function<void()> while_the_archive_is_looked_at = [] {};
    std::optional<Bootstrapper::Report> report;
    Bootstrapper bootstrapper{outside, [](std::string_view, std::string_view) {},
                              [this]() -> Task<Result<CatalogSummary>> {
                                  while_the_archive_is_looked_at();
                                  CatalogSummary nothing;
                                  nothing.empty = true;
                                  co_return nothing;
                              }};
};

}  // namespace

TEST_CASE("a reload that takes bootstrap.recovery away while the archive is looked at does not end PID 1") {
    Restoring it;
    it.settings.bootstrap.recovery->target.time = "2026-11-29 12:00:00+00";
    it.while_the_archive_is_looked_at = [&] {
        it.settings.bootstrap.recovery.reset();
        it.settings.archive.reset();
    };

    it.begin();
    it.end_refused();

    CHECK(it.report->outcome == instance::BootstrapOutcome::refused);
    CHECK(it.files.changes.back() == "write_durably /v/pgbosun/recovery");
}

TEST_CASE("a reload that takes bootstrap.recovery away when it has begun makes no empty database of it") {
    Restoring it;
    it.files.fault = [&](std::string_view, const std::string& path) -> std::optional<Fault> {
        if (path == "/v/pgbosun/bootstrapping") it.settings.bootstrap.recovery.reset();
        return std::nullopt;
    };

    CHECK(it.begin().program == "/bin/pgbosun-archiver");

    CHECK_FALSE(it.settings.bootstrap.recovery);
    it.end_refused();
}

TEST_CASE("what is left of a restore is removed by the next one, for only that knows of its tablespaces") {
    Restoring it;
    it.files.add_file("/v/pgbosun/bootstrapping", "restore\n");
    it.files.add_directory("/v/pgdata");
    it.files.add_file("/v/pgdata/pgbosun.restore", "backup 20261121T010000\ntablespace /fast\n");

    CHECK(it.begin().arguments == std::vector<std::string>{"restore", "--bootstrap", "--report", "json", "--anew"});

    CHECK(it.files.nodes.contains("/v/pgdata/pgbosun.restore"));
    it.end_refused();
}
