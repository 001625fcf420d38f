#pragma once
// Opens a volume in a process of its own: to make its directories and take its lock is to wait for its disk, and one
// that hangs must hang neither PID 1 nor what it answers.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "host/volume_lock.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class ChildProcesses;

struct OpenedVolume {
    VolumeLock lock;
    std::string data_directory;  // without links
};

class VolumeOpening {
public:
    // Both run in the child, one after the other, with the privileges that the caller has now. They must not log.
    struct Work {
        std::function<Result<OpenedVolume>()> open;
        std::function<void()> afterwards;  // what nobody's start depends on
    };

    // Forks.
    VolumeOpening(boost::asio::io_context& loop, ChildProcesses& processes, Work work);
    // The child is left to itself; it dies with us.
    ~VolumeOpening();
    VolumeOpening(const VolumeOpening&) = delete;
    VolumeOpening& operator=(const VolumeOpening&) = delete;

    // What `open` answered, once. unavailable: the child has died. Blocks for `limit`, for before the loop runs; none:
    // there is no answer yet.
    std::optional<Result<OpenedVolume>> wait(Duration limit);
    // The same on the loop, for as long as it takes.
    Task<Result<OpenedVolume>> opened();
    // Returns when `afterwards` has, or after `limit`.
    Task<> finished(Duration limit);

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the reaper's callback
};

}  // namespace pgbosun::host
