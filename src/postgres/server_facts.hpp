#pragma once
// Fact: what one SQL statement says of the running server. Valid on PostgreSQL 15 to 18, for a superuser or a member
// of pg_monitor; reads shared memory and pg_control only, takes no lock on user data.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/pg_session.hpp"

namespace pgbosun::postgres {

enum class Recovery { none, standby };

struct ServerFacts {
    Recovery recovery = Recovery::none;
    int version = 0;  // server_version_num
    SystemId system_id{};
    Timeline timeline{};
    std::uint32_t wal_segment_size = 0;  // bytes
    bool checksums = false;
    Duration up{};          // since the postmaster started
    std::uint64_t run = 0;  // when its checkpointer started: another one after crash recovery, too; 0: none runs
    LsnStatus lsn;
    std::optional<Duration> query_patience;  // standby: for so long a query may hold replay up; none: for ever
    bool wal_read = true;  // standby: it has replayed all WAL that it had when it was started, as far as one sees now
    int free_connections = 0;                  // for users that are nobody special
    std::vector<std::string> pending_restart;  // parameter names
    std::vector<StandbyStatus> standbys;
    std::vector<SlotStatus> slots;          // the hundred that keep the most WAL, most first
    std::string synchronous_standby_names;  // as this session has it
};

// May answer `refused` once in the instant of a promotion: ask again at the next interval.
extern const std::string_view server_facts_sql;

// corrupt: not what server_facts_sql returns.
Result<ServerFacts> parse_server_facts(const Rows& rows);

}  // namespace pgbosun::postgres
