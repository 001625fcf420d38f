#pragma once
// What is remembered on the volume of the last clone from the archive, until the instance streams. Control thread.
//
// A clone that was restored and never came to stream may lack WAL that is nowhere, and the next one from the same archive
// would lack it too: so that one is made by pg_basebackup, also after a restart of pgbosun.

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

enum class ArchiveClone {
    none,      // since it streamed last
    restored,  // the data is a restored backup, which has not streamed yet
    failed,    // a restore failed, or what it made was of no use
};

// A Fault: the volume does not answer.
Task<Result<ArchiveClone>> recall_archive_clone(FileSystem& files, const Settings& settings);
Task<Result<>> remember_archive_clone(FileSystem& files, const Settings& settings, ArchiveClone last);

}  // namespace pgbosun::supervision
