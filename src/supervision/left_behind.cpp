#include "supervision/left_behind.hpp"

#include <csignal>
#include <optional>

#include "pgbosun/log.hpp"
#include "wal/archive_marks.hpp"

namespace pgbosun::supervision {
namespace {

constexpr std::size_t longest_line = std::size_t{64} << 10;
constexpr int looks_after_kill = 3;  // a process that waits for a disk does not end

}  // namespace

LeftBehind::LeftBehind(Surroundings& outside, Record record, Patience patience)
    : outside_(outside), record_(std::move(record)), patience_(patience) {}

void LeftBehind::cancel(bool kill) {
    cancelled_ = true;
    if (child_) child_->signal(kill ? SIGKILL : SIGTERM);
}

Task<Left> LeftBehind::archive(const Settings& settings, Timeline of_primary, std::function<void()> begins) {
    cancelled_ = false;
    if (!settings.archive) co_return Left::elsewhere;
    std::string path = settings.data_directory() + "/pg_wal/archive_status";
    const auto names = co_await outside_.files.list(std::move(path), wal::most_marks);
    if (!names) {
        if (names.error().kind == FaultKind::not_found) co_return Left::elsewhere;
        log::warning("whether WAL waits here to be archived cannot be read: " + names.error().what);
        co_return Left::only_here;
    }
    if (wal::still_to_archive(*names).empty()) co_return Left::elsewhere;
    if (cancelled_) co_return Left::only_here;
    begins();
    std::vector<std::string> arguments{"left-behind", "--primary-timeline", std::to_string(number(of_primary)),
                                       "--report", "json"};
    std::vector<std::string> once_more = arguments;
    auto outcome = co_await run(std::move(arguments));
    if (outcome.end == End::silent && !cancelled_) {
        once_more.emplace_back("--keep-only");
        outcome = co_await run(std::move(once_more));
    }
    if (!cancelled_) tell(outcome.job);
    const bool archived = outcome.job.end == JobEnd::done;
    co_return archived || outcome.kept ? Left::elsewhere : Left::only_here;
}

Task<LeftBehind::Outcome> LeftBehind::run(std::vector<std::string> arguments) {
    ActiveJob job;
    bool heard = false;
    child_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_line);
    const auto started = child_->start(outside_.archiver.command(std::move(arguments)), [&](std::string_view line) {
        heard = true;
        if (const auto read = outside_.archiver.parse_line(line)) take_line(job, *read);
    });
    Outcome outcome;
    std::optional<ExitStatus> ended;
    int silent = 0;
    while (started && !ended && silent < patience_.looks + looks_after_kill) {
        heard = false;
        ended = co_await child_->wait(patience_.look);
        silent = heard ? 0 : silent + 1;
        if (ended || silent < patience_.looks) continue;
        outcome.end = End::silent;
        child_->signal(SIGKILL);
    }
    child_.reset();
    if (ended) {
        outcome.job = conclude(job, *ended);
        constexpr ExitStatus all_kept{ExitStatus::How::exited, 1};  // app/left_behind_command.cpp
        outcome.kept = job.result && *ended == all_kept;
    } else {
        outcome.job.end = JobEnd::failed;
        outcome.job.result.detail = started ? "its program does not end" : started.error().what;
    }
    co_return outcome;
}

void LeftBehind::tell(const JobOutcome& outcome) {
    const auto& result = outcome.result;
    if (outcome.end == JobEnd::done) {
        const std::string what = "WAL that only this instance had to archive is archived";
        log::info(what, {{"detail", result.detail}});
        record_(what, {{"detail", result.detail}});
        return;
    }
    const std::string what = "WAL that only this instance has is not in the archive: " + result.detail;
    log::error(what, {{"hint", result.hint}});
    record_(what, {{"hint", result.hint}});
}

}  // namespace pgbosun::supervision
