#pragma once
// A timeline's history file: which timelines it came from, and where it left each (PostgreSQL: access/timeline.c).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"

namespace pgbosun::wal {

inline constexpr std::size_t longest_history = std::size_t{1} << 20;  // bytes

struct Ancestor {
    Timeline timeline{};
    Lsn fork;            // the first byte that is no longer of this timeline
    std::string reason;  // for a person
    bool operator==(const Ancestor&) const = default;
};

struct TimelineHistory {
    Timeline timeline{};              // whose history this is
    std::vector<Ancestor> ancestors;  // oldest first; timeline 1 has none, and no file
    bool operator==(const TimelineHistory&) const = default;
};

// Blank lines and lines beginning with '#' are skipped. corrupt: a line PostgreSQL would refuse, timelines that do
// not grow or reach the child's, fork points that go back.
Result<TimelineHistory> parse_history(Timeline timeline, std::string_view text);
// As PostgreSQL writes it; a reason is cut at its first line end.
std::string render_history(const TimelineHistory& history);

// Where the history left `timeline`; none when it was never on it, or is on it still.
std::optional<Lsn> fork_point(const TimelineHistory& history, Timeline timeline);
// That of a timeline which the later one is on, or was.
TimelineHistory history_of(const TimelineHistory& later, Timeline timeline);
bool is_ancestor(const TimelineHistory& history, Timeline timeline);
// On which timeline the byte at `position` was written.
Timeline timeline_at(const TimelineHistory& history, Lsn position);

}  // namespace pgbosun::wal
