#pragma once
// Decision: what the record should say next.

#include <optional>
#include <string>

#include "controller/knowledge.hpp"

namespace pgbosun::controller {

struct Succession {
    std::optional<Record> record;  // none: it stays
    std::string waits_for;
    std::optional<Instant> look_again;
    std::optional<FastForward> fast_forward{};  // what is waited for; none: another thing, or nothing
};

// Leases of the length that this controller is configured for, as soon as they may be: a longer one is recorded before it is
// granted, and what may be outstanding is forgotten when it has run out.
void set_leases(Record& next, const Knowledge& known, const Policy& policy, Instant now);

Succession succeed(const Knowledge& known, const Policy& policy, Instant now);

// The parts of it; for a primary that serves, and for one that does not.
Record move_on(const Knowledge& known, const Policy& policy, Instant now);
Succession replace(const Knowledge& known, const Policy& policy, Instant now);

}  // namespace pgbosun::controller
