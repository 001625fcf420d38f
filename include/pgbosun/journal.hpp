#pragma once
// The flight recorder: what happened and why, in order. Decisions are written with the facts they rested on.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

struct JournalEntry {
    std::uint64_t id = 0;  // grows by one; goes on over restarts of pgbosun
    WallTime at{};
    std::string kind;  // "phase", "command", "postgres", "config", "archive", "volume", "probe"
    std::string what;  // one sentence
    std::vector<std::pair<std::string, std::string>> facts;
};

class Journal {
public:
    virtual ~Journal() = default;

    // Entries with an id greater than `after`, oldest first, at most `limit`. Only the newest 1,000 are kept.
    [[nodiscard]] virtual std::vector<JournalEntry> since(std::uint64_t after, std::size_t limit) const = 0;
    [[nodiscard]] virtual std::uint64_t last_id() const = 0;

    // Returns when an entry newer than `after` exists or `timeout` has passed.
    virtual Task<> wait(std::uint64_t after, Duration timeout) = 0;
};

}  // namespace pgbosun
