#include "backup/wal_wait.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "backup/archived_wal.hpp"

namespace pgbosun::backup {
namespace {

constexpr Duration first_pause = std::chrono::milliseconds(100);  // between two looks
constexpr Duration longest_pause = std::chrono::seconds(3);

// False: it is to stop.
bool pause(Duration time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace

Result<> wait_for_wal(WalWait wait) {
    const auto deadline = std::chrono::steady_clock::now() + wait.longest;
    Duration between = first_pause;
    for (;;) {
        auto left = missing_from_archive(wait.store, wait.server, wait.segments);
        if (left) wait.segments = *std::move(left);
        // A store that is away for a moment is asked again: everything else is done.
        if (!left && left.error().kind != FaultKind::unavailable) return std::unexpected(std::move(left.error()));
        if (wait.segments.empty()) return {};
        if (const auto end = std::exchange(wait.end_segment, nullptr)) end();
        const auto waiting = "waiting for WAL " + to_string(wait.segments.front()) + " in the archive; last archived " +
                             wait.last_archived();
        wait.say(waiting);
        if (std::chrono::steady_clock::now() >= deadline) {
            return fail(FaultKind::unavailable, "the WAL that the backup needs was not archived in time: " + waiting,
                        wait.hint);
        }
        if (!pause(between, wait.stop)) return fail(FaultKind::cancelled, "the backup was cancelled");
        between = std::min(between * 2, longest_pause);
    }
}

}  // namespace pgbosun::backup
