#pragma once
// Notices a volume that hangs or fails: a child process writes 4 KiB and fsyncs once a second, and what it finds is
// read from a page shared with it. PID 1 never waits for the volume.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class ChildProcesses;

struct VolumeReading {
    std::optional<Instant> hangs_since;  // the write under way began then, longer ago than the deadline
    std::optional<std::string> error;    // of the last write that returned, or why nothing watches
    std::optional<Instant> checked_at;   // when the last write returned; none: none has yet
    Duration last_write{};               // how long the last one took
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;  // to us, without root's reserve
};

class VolumeWatch {
public:
    static constexpr const char* file_name = ".pgbosun-volume-check";

    // `directory` need not exist yet: until it does, that is the error. `deadline`: see VolumeReading.
    VolumeWatch(boost::asio::io_context& loop, ChildProcesses& processes, std::string directory, Duration deadline);
    // The child ends by itself, also when it hangs now and the volume comes back.
    ~VolumeWatch();
    VolumeWatch(const VolumeWatch&) = delete;
    VolumeWatch& operator=(const VolumeWatch&) = delete;

    // From memory.
    [[nodiscard]] VolumeReading read(Instant now) const;

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the reaper's callback
};

}  // namespace pgbosun::host
