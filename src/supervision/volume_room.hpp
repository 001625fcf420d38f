#pragma once
// Decision: which volumes are full. PostgreSQL outlives a table that cannot grow, so nothing else would say that a primary takes
// no writes any more. A moment without room is not judged (a query that spills gives it back), nor is a little room the end of it.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::supervision {

// What PostgreSQL writes beside WAL when it starts: pid file, control file, statistics. With less no table grows either.
inline constexpr std::uint64_t room_beside_wal = 1024 * 1024;
// So long without room: then it is full.
inline constexpr Duration longest_without_room = std::chrono::seconds(5);

// Less is no room on a volume that WAL is written to; PostgreSQL is not started with less.
constexpr std::uint64_t room_with_wal(std::uint64_t wal_segment_size) { return wal_segment_size + room_beside_wal; }

enum class WalPlace { on_data_volume, on_its_own };

class VolumeRoom {
public:
    // Sets their `full_since`. What a volume that hangs has left is not known: nothing is judged anew by it.
    void look(std::vector<VolumeStatus>& volumes, WalPlace place, std::uint64_t wal_segment_size, Instant now);

private:
    struct Shortage {
        Instant since{};
        bool full = false;
    };
    std::map<std::string, Shortage> short_;
};

// Tables cannot grow there: what needs more room is an error for clients. A WAL volume of its own may be all but full
// with segments that are used again; PostgreSQL ends when it is not so.
bool takes_no_data(const InstanceStatus& status);
// Nobody can be made primary on it: that needs a segment, and a server that may have to be started again.
bool lacks_room(const InstanceStatus& status);

}  // namespace pgbosun::supervision
