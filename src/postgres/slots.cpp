#include "postgres/slots.hpp"

#include <utility>

namespace pgbosun::postgres {

Result<std::vector<ReplicationSlot>> parse_slots(const Rows& rows) {
    std::vector<ReplicationSlot> slots;
    for (const auto& row : rows.rows) {
        const bool whole = row.size() == 5 && row[0] && row[1] && row[2] && row[4];
        const auto restart = whole && row[3] ? parse_lsn(*row[3]) : std::nullopt;
        if (!whole || (row[3] && !restart))
            return fail(FaultKind::corrupt, "what the server says of its replication slots is not understood");
        slots.push_back({*row[0], *row[1] == "t", *row[2] == "t", restart, *row[4] == "t"});
    }
    return slots;
}

}  // namespace pgbosun::postgres
