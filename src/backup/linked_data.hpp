#pragma once
// What a data directory has outside of itself: tablespaces, where the links in pg_tblspc lead, and WAL, where pg_wal is a link.
// A clone goes to the same places, so they are emptied, or what is there is moved aside, before it is made. Blocking.
//
// Of a tablespace nothing is touched but PG_<major version>_<catalog version>: the place may be another cluster's too.

#include <optional>
#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

struct LinkedData {
    std::string data_directory;
    int server_major = 0;                      // of the data
    std::optional<std::string> wal_directory;  // where a clone will have its WAL; none: in its data directory
};

// Of the directory beside a tablespace's that holds what was moved aside. That of WAL is called pg_wal.old.
inline constexpr std::string_view aside_suffix = ".pgbosun-old";

// Removes what the links of a data directory that was not finished lead to; not its WAL.
Result<> empty_linked(const LinkedData& data);

// Moves what the links lead to aside, and has them lead there. Killed at any step, the next call goes on. refused: it cannot be,
// and nothing has been moved.
Result<> set_linked_aside(const LinkedData& data);

// Removes what set_linked_aside() has moved, of a data directory that is of no use any more.
Result<> remove_linked_aside(const LinkedData& data);

}  // namespace pgbosun::backup
