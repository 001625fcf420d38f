#pragma once
// Fact: a data directory at rest, as the plan of a rejoin sees it. Pure.

#include "instance/rejoin.hpp"
#include "postgres/data_directory.hpp"

namespace pgbosun::supervision {

// The timeline that it is on: that of the last checkpoint, or one that replay has reached since.
Timeline timeline_of(const postgres::Usable& usable);

// `history`: of that timeline. `server_major`: of the binaries, which the directory was judged against.
instance::LocalData local_data(const postgres::Usable& usable, wal::TimelineHistory history, int server_major);

// Where the record of a shutdown checkpoint ends that begins at `begin`: there the WAL of a clean shutdown ends, and there a
// standby that received all of it is promoted. (access/xlogrecord.h, catalog/pg_control.h: 24 + 2 + 88 bytes, aligned to 8;
// page headers of 24 bytes, or 40 at the start of a segment, in between.)
Lsn end_of_shutdown_checkpoint(Lsn begin, std::uint32_t segment_size);

// A copy (of pg_basebackup or pg_rewind) that has not been replayed to its end: it answers no query before it has its
// source's WAL up to there.
bool is_unfinished_copy(const postgres::Usable& usable);

// How far data was seen to reach, after another look at a server that runs on it. Once no WAL receiver runs, a standby
// tells an older timeline than that of the WAL it holds.
Position further(Position before, Position seen);

}  // namespace pgbosun::supervision
