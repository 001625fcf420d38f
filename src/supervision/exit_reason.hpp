#pragma once
// Decision: what the last FATAL of a server that has ended says about the next start, and what a person can change.

#include <string_view>

namespace pgbosun::supervision {

// The server follows whom it was told of, or a standby's archive, and its data has another history: the same data ends so at
// each start (xlogrecovery.c).
bool tells_of_parted_history(std::string_view message);

// Never empty.
std::string_view hint_for_exit(std::string_view message);

}  // namespace pgbosun::supervision
