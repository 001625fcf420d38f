#pragma once
// Compares the WAL that this instance and an upstream must both have, if they have one history (instance/shared_wal), with
// the server here running or at rest. Control thread.

#include <functional>
#include <string>
#include <vector>

#include "instance/shared_wal.hpp"
#include "pgbosun/file_system.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

// The bytes of a piece as hexadecimal digits, from each of the files `names` that there is.
using ReadWal =
    std::function<Task<Result<std::vector<std::string>>>(std::vector<wal::SegmentName> names, Lsn begin, Lsn end)>;

ReadWal wal_of_server(PgSession& session, wal::SegmentSize size);
ReadWal wal_of_directory(FileSystem& files, std::string wal_directory, wal::SegmentSize size);

// Never unknown. A piece is the same when one file here has it as one file there: a WAL receiver that was stopped leaves
// segments that are not whole. unavailable: one of the two does not answer.
Task<Result<instance::SharedWal>> compare_wal(std::vector<instance::WalPiece> pieces, ReadWal ours, ReadWal theirs);

}  // namespace pgbosun::supervision
