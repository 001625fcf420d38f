#pragma once
// How long a restore request is tried while the archive does not answer, and what PostgreSQL is told then. It depends
// on who asks: for recovery to a target "no such file" ends recovery and promotes, with loss; for a standby it means
// that streaming is tried next.

#include <chrono>
#include <optional>

namespace pgbosun::archive {

struct RecoverySigns {
    bool standby_signal = false;  // in the data directory
    bool recovery_signal = false;
    bool postmaster_pid = false;
    bool operator==(const RecoverySigns&) const = default;
};

enum class Purpose {
    follow,   // a standby
    promote,  // one that is being promoted: it asks for what may be there, and nobody serves meanwhile
    recover,  // recovery to a target, or nobody can tell
    rewind,   // no server runs: pg_rewind --restore-target-wal
    other,    // a person, while a server runs
};

// Without `signs` the data directory is not known. PostgreSQL itself lets standby.signal go before recovery.signal.
Purpose purpose_of(std::optional<RecoverySigns> signs);

enum class Prefetch { allowed, none };

// Whether the pieces of a segment that was not whole (archive.stream) are served when there is no whole one. Only to a
// recovery that ends there: a standby would take the rest of the segment for the end of WAL, and the upstream has it.
enum class Pieces { used, unused };

struct RestorePolicy {
    std::optional<std::chrono::milliseconds> patience;  // none: until the asker goes away
    char given_up;  // answer when it is over, or when trying again cannot help (pgbosun/hook_protocol.hpp)
    Prefetch prefetch;
    Pieces pieces;
    bool operator==(const RestorePolicy&) const = default;
};
RestorePolicy policy_of(Purpose purpose);

}  // namespace pgbosun::archive
