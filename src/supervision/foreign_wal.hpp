#pragma once
// Whether what a standby replayed last was another cluster's WAL. Then its own archive may hold an earlier promotion's
// (earlier_promotion.hpp). Remembered on the volume: who is killed while a promotion waits asks again. Control thread.

#include <optional>

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

class ForeignWal {
public:
    ForeignWal(FileSystem& files, const Settings& settings) : files_(files), settings_(settings) {}

    // A Fault of any of the three: the volume does not answer, and nothing is known to have changed.
    Task<Result<>> recall();
    // Before the data directory gets any. With success the volume says so.
    Task<Result<>> begins();
    // It follows its own cluster, or is a primary.
    Task<Result<>> ends();

    // Since the last success. false before it.
    [[nodiscard]] bool replayed() const { return replayed_.value_or(false); }

private:
    FileSystem& files_;
    const Settings& settings_;
    std::optional<bool> replayed_;  // as on the volume. none: not read yet
};

}  // namespace pgbosun::supervision
