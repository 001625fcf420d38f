#pragma once
// The guard's own side: what runs in its process. It allocates nothing and reads no disk.

#include <sys/types.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstdint>
#include <limits>

namespace pgbosun::host {

struct GuardPage {
    std::atomic<std::int64_t> valid_until{std::numeric_limits<std::int64_t>::max()};  // ns on the boot clock
    std::atomic<std::int64_t> grace{0};                                               // ns
    std::atomic<bool> expected{false};            // a postmaster is about to be launched, or runs
    std::array<char, PATH_MAX> data_directory{};  // canonical, ends with NUL; never changes once there is a guard
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// One datagram of the channel. `watch` comes with the postmaster's pidfd (SCM_RIGHTS).
struct GuardOrder {
    enum class What : int { watch, unwatch, look };
    What what;
    pid_t postmaster;
};

// SIGTERM and its like must be ignored already. Returns the exit status, after the other end of `channel` has closed and
// nothing of postgres is left.
int run_guard(GuardPage& page, int channel);

}  // namespace pgbosun::host
