#pragma once
// Decision: what is known of archiving over the lives of several archivers. Each reload starts another one, which knows
// nothing of the one before: what that has said holds until the new one has said otherwise.

#include "pgbosun/archive_link.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::app {

class ArchiverMemory {
public:
    // An archiver has looked for work within this: one that has found none does not fail.
    static constexpr Duration believed_after = 2 * heartbeat;

    // Another archiver runs.
    void begin_anew(Instant now);
    // What to go by, of what the archiver that runs says.
    const ArchiveReport& take(ArchiveReport report, Instant now);
    [[nodiscard]] const ArchiveReport& known() const { return known_; }

private:
    [[nodiscard]] bool is_well(const ArchiveReport& report, Instant now) const;

    ArchiveReport known_;
    Instant began_{};
    bool inherits_ = false;  // the archiver that runs has not said yet that archiving works
};

}  // namespace pgbosun::app
