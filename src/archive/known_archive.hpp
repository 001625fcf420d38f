#pragma once
// Effect: what an instance remembers, on its own volume, of where its cluster has archived. An archive that is empty all
// of a sudden is one whose volume is not mounted, or that somebody emptied: WAL that is put there as if it were a new one
// is not where anybody looks for it.

#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"

namespace pgbosun::archive {

class KnownArchive {
public:
    // Empty: nothing is remembered, and nothing known.
    explicit KnownArchive(const std::string& state_directory)
        : file_(state_directory.empty() ? "" : state_directory + "/known-archive") {}

    // `place`: of the store and the server's name in it. Whether it is known as the archive of any cluster, or of this one.
    // What cannot be read is not known. Blocks, as does remember().
    [[nodiscard]] bool holds(const std::string& place) const;
    [[nodiscard]] bool holds(const std::string& place, SystemId system_id) const;
    // Where this cluster has archived until now; empty: nobody knows.
    [[nodiscard]] std::string of(SystemId system_id) const;
    // In the place of what it held.
    [[nodiscard]] Result<> remember(const std::string& place, SystemId system_id) const;
    [[nodiscard]] const std::string& file() const { return file_; }

private:
    [[nodiscard]] std::string text() const;

    const std::string file_;
};

}  // namespace pgbosun::archive
