#pragma once
// One backup at a time for an instance: a lock on a file of the volume, which ends with the process.

#include <string>

#include "pgbosun/descriptor.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

class BackupLock {
public:
    // "<state directory>/backup.lock". conflict: another process has it; says which and since when.
    static Result<BackupLock> take(const std::string& state_directory);

    // True: it was taken before, and nobody has it now.
    static bool is_free(const std::string& state_directory);

    // What the next one is told: "backup 20261121T010000".
    void say(const std::string& what) const;

private:
    explicit BackupLock(Descriptor file) : file_(std::move(file)) {}
    Descriptor file_;
};

}  // namespace pgbosun::backup
