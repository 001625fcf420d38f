#pragma once

#include <string_view>

namespace pgbosun {

// In a data directory that was restored by hand: whose copy it is, for a person. `pgbosun run` starts PostgreSQL there only
// when its own archive is empty, and then removes it. In pg_wal, which no backup contains and pg_verifybackup does not look at.
inline constexpr std::string_view restored_copy_file = "pg_wal/pgbosun.copy";

// In its postgresql.auto.conf: subscriptions of the original's would read from its publishers, and confirm to them what the
// original has not got. A parameter that is the user's: `pgbosun run` takes the line out before the file above goes.
inline constexpr std::string_view restored_copy_workers = "max_logical_replication_workers";

}  // namespace pgbosun
