#include "supervision/catalog_look.hpp"

#include <csignal>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr Duration end_look = std::chrono::hours(1);  // a killed process ends

// A program that could not look tells why as a job does, unless it was killed.
Fault why_not(const ArchiverProgram& archiver, const std::string& last, ExitStatus ended) {
    const auto told = last.empty() ? Result<JobLine>(JobLine{}) : archiver.parse_line(last);
    const auto* result = told ? std::get_if<JobResult>(&*told) : nullptr;
    if (result != nullptr && !result->detail.empty()) return {FaultKind::unavailable, result->detail, result->hint};
    return {FaultKind::unavailable, "the look at the archive's catalog ended with " + to_string(ended),
            "the archiver's last log lines say why"};
}

}  // namespace

Task<Result<CatalogSummary>> look_at_catalog(const ArchiverProgram& archiver, JobProcess& process, Duration patience,
                                             Archive archive) {
    Result<CatalogSummary> summary =
        fail(FaultKind::unavailable, "the archive's catalog was not told", "the archiver's last log lines say why");
    std::vector<std::string> arguments{"catalog", "summary", "--report", "json"};
    if (archive == Archive::source) arguments.emplace_back("--source");
    std::string last;
    const auto started = process.start(archiver.command(std::move(arguments)), [&](std::string_view line) {
        last = line;
        summary = archiver.parse_summary(line);
    });
    if (!started) co_return std::unexpected(started.error());
    auto ended = co_await process.wait(patience);
    if (!ended) {
        process.signal(SIGKILL);
        ended = co_await process.wait(end_look);
        co_return fail(FaultKind::unavailable, "the archive's catalog could not be read in time", "look at the store");
    }
    if (!ended->success()) {
        co_return std::unexpected(why_not(archiver, last, *ended));
    }
    co_return summary;
}

std::optional<std::string> another_cluster(const CatalogSummary& summary, std::optional<SystemId> ours) {
    if (summary.owner == 0 || !ours || summary.owner == number(*ours)) return std::nullopt;
    return "the archive of \"" + summary.server + "\" is of the cluster with system identifier " +
           std::to_string(summary.owner) + ", ours is " + std::to_string(number(*ours));
}

}  // namespace pgbosun::supervision
