#pragma once
// What `restore` and `drill` are told about where recovery ends.

#include <optional>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace CLI {
class App;
}

namespace pgbosun::app {

struct RecoveryOptions {
    std::optional<std::string> time, lsn, xid, name;
    bool immediate = false, exclusive = false;
    std::string timeline = "latest";
};

// Adds --to-time, --to-lsn, ... to `line`; `options` must not move while it is parsed.
void add_recovery_options(CLI::App& line, RecoveryOptions& options);

// refused: more than one target, a malformed one, or a time without its zone.
Result<RecoveryTarget> target_of(const RecoveryOptions& options);

}  // namespace pgbosun::app
