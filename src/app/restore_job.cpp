#include "app/restore_job.hpp"

#include <chrono>
#include <csignal>
#include <deque>
#include <memory>
#include <optional>
#include <tuple>

#include "app/job_run.hpp"
#include "host/child_processes.hpp"

namespace pgbosun::app {
namespace {

constexpr std::chrono::milliseconds look_again{200};
constexpr std::size_t kept_lines = 5;

struct Ended {
    std::optional<ExitStatus> status;
    std::deque<std::string> lines;  // the last ones
};

Fault failure_of(const Command& command, const Ended& ended) {
    std::string said;
    for (const auto& line : ended.lines) said += (said.empty() ? "" : "; ") + line;
    return {FaultKind::corrupt,
            command.program + " ended with " + to_string(*ended.status) + (said.empty() ? "" : ": " + said),
            "restore the full backup that it builds on, or take a new one"};
}

Result<> run_program(boost::asio::io_context& loop, Command command, const std::function<bool()>& asked_to_end) {
    host::ChildProcesses processes(loop);
    // Shared with the callbacks.
    const auto ended = std::make_shared<Ended>();
    command.on_line = [ended](std::string_view line) {
        if (ended->lines.size() == kept_lines) ended->lines.pop_front();
        ended->lines.emplace_back(line);
    };
    command.on_exit = [ended](ExitStatus status) { ended->status = status; };
    const auto process = processes.spawn(command);
    if (!process) {
        return fail(process.error().kind, "cannot run " + command.program + ": " + process.error().what,
                    "install PostgreSQL 17 or newer, or set postgresql.bin_dir");
    }
    bool killed = false;
    while (!ended->status) {
        if (asked_to_end() && !killed) {
            std::ignore = processes.signal(*process, SIGKILL);
            killed = true;
        }
        loop.restart();
        loop.run_one_for(look_again);
    }
    if (ended->status->success()) return {};
    if (killed) return fail(FaultKind::cancelled, "the restore was cancelled");
    return std::unexpected(failure_of(command, *ended));
}

}  // namespace

Result<backup::RestoredBackup> restore_beside(boost::asio::io_context& loop, backup::Catalog& catalog,
                                              std::vector<backup::Backup> chain, const backup::RestoreOrder& order,
                                              const std::string& bin_dir, const std::function<bool()>& asked_to_end) {
    backup::Restoration restoration(catalog, std::move(chain), order);
    if (auto unpacked = run_beside(loop, [&] { return restoration.unpack(); }); !unpacked) {
        return std::unexpected(std::move(unpacked.error()));
    }
    if (auto program = restoration.combination(bin_dir)) {
        if (order.progress) order.progress({{}, "combining the chain of backups", 0, 0});
        auto ran = run_program(loop, *std::move(program), asked_to_end);
        if (!ran) return std::unexpected(std::move(ran.error()));
    }
    return run_beside(loop, [&] { return restoration.finish(); });
}

}  // namespace pgbosun::app
