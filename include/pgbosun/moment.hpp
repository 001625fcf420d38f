#pragma once
// Moments as PostgreSQL, Barman and people write them.

#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

struct ReadMoment {
    WallTime time;  // of a date alone its midnight; without a zone in UTC
    bool has_clock = false;
    bool has_zone = false;
};

// "2026-11-21 01:41:32", with 'T' for the blank, a fraction, and a zone: "Z", "z", "UTC", "GMT", "+02", "+0200",
// "+02:00". What is finer than a microsecond is cut off. None: anything else, or a moment that does not exist.
std::optional<ReadMoment> read_moment(std::string_view text);

// For a recovery: never without its zone, for a server would read it in its own. refused: anything else.
Result<WallTime> parse_moment(const std::string& text);

}  // namespace pgbosun
