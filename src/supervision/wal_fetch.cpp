#include "supervision/wal_fetch.hpp"

#include <csignal>
#include <utility>
#include <vector>

namespace pgbosun::supervision {
namespace {

constexpr Duration end_look = std::chrono::hours(1);  // a killed process ends
constexpr int not_there = 1;                          // what wal-restore ends with

}  // namespace

Task<Result<bool>> fetch_wal(const ArchiverProgram& archiver, JobProcess& process, Archive archive, WantedWal wanted) {
    std::vector<std::string> arguments{"wal-restore"};
    if (archive == Archive::source) arguments.emplace_back("--bootstrap");
    arguments.push_back(std::move(wanted.name));
    arguments.push_back(std::move(wanted.path));
    const auto started = process.start(archiver.command(std::move(arguments)), [](std::string_view) {});
    if (!started) co_return std::unexpected(started.error());
    auto ended = co_await process.wait(wanted.patience);
    const bool in_time = ended.has_value();
    if (!in_time) process.signal(SIGKILL);
    while (!ended) ended = co_await process.wait(end_look);
    const bool exited = in_time && ended->how == ExitStatus::How::exited;
    if (exited && ended->success()) co_return true;
    if (exited && ended->code == not_there) co_return false;
    co_return fail(FaultKind::unavailable, "the archive does not answer", "the archiver's last log lines say why");
}

}  // namespace pgbosun::supervision
