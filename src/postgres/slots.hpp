#pragma once
// The replication slots of a server: what it is asked, and what its answer says.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/lsn.hpp"
#include "pgbosun/pg_session.hpp"

namespace pgbosun::postgres {

struct ReplicationSlot {
    std::string name;
    bool physical = false;
    bool active = false;         // somebody streams by it now
    std::optional<Lsn> restart;  // WAL is kept from here; none: nothing is kept
    bool lost = false;           // what it should keep is gone
    bool operator==(const ReplicationSlot&) const = default;
};

// Those that outlive their session. Any role may ask.
inline constexpr std::string_view slots_sql = R"sql(
select slot_name, slot_type = 'physical', active, restart_lsn, coalesce(wal_status, '') = 'lost'
  from pg_catalog.pg_replication_slots where not temporary order by slot_name)sql";
// corrupt: it is not understood.
Result<std::vector<ReplicationSlot>> parse_slots(const Rows& rows);

// $1: the name. The first removes a slot that is of no use any more; both may be repeated. By a role that may replicate.
inline constexpr std::string_view drop_lost_slot_sql =
    "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots "
    "where slot_name = $1 and not active and wal_status = 'lost'";
inline constexpr std::string_view make_slot_sql =
    "select pg_catalog.pg_create_physical_replication_slot($1, true) where not exists "
    "(select from pg_catalog.pg_replication_slots where slot_name = $1)";
// Not while somebody streams by it.
inline constexpr std::string_view drop_slot_sql =
    "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_catalog.pg_replication_slots "
    "where slot_name = $1 and not active";
// $2: a position. Never back, and no further than the server has replayed.
inline constexpr std::string_view advance_slot_sql =
    "select pg_catalog.pg_replication_slot_advance(slot_name, $2::pg_lsn) from pg_catalog.pg_replication_slots "
    "where slot_name = $1 and not active and restart_lsn < $2::pg_lsn";
// A standby whose WAL receiver runs when primary_slot_name changes may stream on without it: a receiver that is between two
// timelines at that moment is not started again by PostgreSQL. $1: the slot by which it is to stream. A row for one that was
// ended; PostgreSQL starts the next one at once. None while the server has not been told of the slot.
inline constexpr std::string_view turn_to_slot_sql =
    "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_wal_receiver "
    "where status = 'streaming' and slot_name is distinct from $1 "
    "and pg_catalog.current_setting('primary_slot_name') = $1";

}  // namespace pgbosun::postgres
