#pragma once
// Effect: a memory on the volume that its data directory has held a database. When that is not there any more, its own volume
// is not mounted, or somebody has moved it away: a new, empty database must not take its place unasked. Control thread.

#include <string>

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

class HeldData {
public:
    HeldData(FileSystem& files, const Settings& settings) : files_(files), settings_(settings) {}

    // There is one. What the volume does not take now is noted at the next start.
    Task<> note();
    // A Fault: the volume does not answer.
    Task<Result<bool>> recall();
    [[nodiscard]] std::string file() const { return settings_.state_directory() + "/held-data"; }

private:
    FileSystem& files_;
    const Settings& settings_;
    bool noted_ = false;
};

}  // namespace pgbosun::supervision
