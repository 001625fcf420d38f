#include "supervision/catalog_look.hpp"

#include <csignal>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr Duration end_look = std::chrono::hours(1);  // a killed process ends

}  // namespace

Task<Result<CatalogSummary>> look_at_catalog(const ArchiverProgram& archiver, JobProcess& process, Duration patience,
                                             Archive archive) {
    Result<CatalogSummary> summary =
        fail(FaultKind::unavailable, "the archive's catalog was not told", "the archiver's last log lines say why");
    std::vector<std::string> arguments{"catalog", "summary", "--report", "json"};
    if (archive == Archive::source) arguments.emplace_back("--source");
    const auto started = process.start(archiver.command(std::move(arguments)),
                                       [&](std::string_view line) { summary = archiver.parse_summary(line); });
    if (!started) co_return std::unexpected(started.error());
    auto ended = co_await process.wait(patience);
    if (!ended) {
        process.signal(SIGKILL);
        ended = co_await process.wait(end_look);
        co_return fail(FaultKind::unavailable, "the archive's catalog could not be read in time", "look at the store");
    }
    if (!ended->success()) {
        co_return fail(FaultKind::unavailable, "the look at the archive's catalog ended with " + to_string(*ended),
                       "the archiver's last log lines say why");
    }
    co_return summary;
}

}  // namespace pgbosun::supervision
