#pragma once
// Before a primary that is its own authority is stopped to follow another one: whether its data could. PostgreSQL would
// refuse only when it is a standby already. Control thread.

#include <optional>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"
#include "postgres/control_data.hpp"
#include "supervision/surroundings.hpp"

namespace pgbosun::supervision {

enum class Unanswered { refused, accepted };

// A Fault: why it cannot, and what to do. None: it can, or one of the two does not say: an upstream that is a standby itself,
// or, where that is accepted, one that does not answer now.
Task<std::optional<Fault>> reason_against_following(Surroundings& outside, const postgres::ControlData& control,
                                                    std::string conninfo, Unanswered unanswered);

}  // namespace pgbosun::supervision
