#pragma once
// One pgbosun for each volume: a lock on a file that says who holds it.

#include <sys/types.h>
#include <unistd.h>

#include <string>

#include "pgbosun/descriptor.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::host {

// Held until destroyed or until the process has ended, however it ended. Children do not inherit it.
class VolumeLock {
public:
    // Touches the disk, and may wait for it: not on the control thread. conflict: another process holds it; `what`
    // says which, as far as it is known. Makes the file, mode 0600, and never removes it: two processes could then lock
    // two files. `holder`: who the file says it is.
    static Result<VolumeLock> take(const std::string& path, pid_t holder = ::getpid());
    // One that another process has taken, and whose descriptor it has sent.
    static VolumeLock adopt(Descriptor file) { return VolumeLock(std::move(file)); }
    [[nodiscard]] int descriptor() const { return file_.get(); }

private:
    explicit VolumeLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace pgbosun::host
