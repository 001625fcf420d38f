#pragma once
// The directory that a drill works in: made by it, locked while it runs, emptied at its beginning and at its end.

#include <string>

#include "backup/drill_server.hpp"
#include "backup/restore_target.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::backup {

class DrillScratch {
public:
    // Makes `directory` and takes its lock. What a drill that was killed left is removed. conflict: another drill runs.
    // refused: there is something in it that no drill put there.
    static Result<DrillScratch> take(const std::string& directory);
    DrillScratch(DrillScratch&&) = default;
    DrillScratch& operator=(DrillScratch&&) = default;
    // Removes all that the drill made. Nothing of it may run any more.
    ~DrillScratch();

    [[nodiscard]] std::string data_directory() const { return directory_ + "/pgdata"; }
    // Short, for a socket's path has 107 bytes at most.
    [[nodiscard]] std::string socket_directory() const { return directory_ + "/s"; }
    [[nodiscard]] Room room() const;
    // Bytes that all in it take on disk now; walks through it.
    [[nodiscard]] std::uint64_t used() const;
    // Before anything is put into it: settles what the drill may use (drill_allowance). refused: `needed` bytes are more.
    Result<> allow(std::uint64_t most, std::uint64_t needed);
    // refused: the file system gets full, or it takes more than it was allowed.
    [[nodiscard]] Result<> check_growth() const;
    // refused: recovery has made a tablespace outside of it.
    [[nodiscard]] Result<> check_tablespaces() const;
    [[nodiscard]] RestorePlaces places(const BackupInfo& info) const;

private:
    DrillScratch(std::string directory, Descriptor lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}
    void clear() const;
    [[nodiscard]] std::string tablespaces() const { return directory_ + "/tablespaces"; }

    std::string directory_;
    Descriptor lock_;
    std::uint64_t allowed_ = 0;  // bytes
};

}  // namespace pgbosun::backup
