#pragma once
// A cluster that followed another one may have been promoted before. Its own archive then has a timeline that left the followed
// cluster's where it was promoted, and PostgreSQL goes over to the newest timeline that it finds there, if that begins where
// replay stands or later: what was given up would be back, as if it were the followed cluster's. Or it has a timeline of the same
// number as one of the followed cluster's, and PostgreSQL would take its history for that one's (0025).

#include "supervision/surroundings.hpp"
#include "wal/archive_marks.hpp"

namespace pgbosun::supervision {

// Asked before the standby, whose WAL ends with `reach`, is shown its own archive. Success too when it has none. conflict:
// there is such a timeline. unavailable: the archive does not say.
Task<Result<>> no_earlier_promotion(Surroundings& outside, const Settings& settings, wal::Reach reach);

}  // namespace pgbosun::supervision
