#pragma once
// Shell: one WAL file for a restore_command, without an archiver that serves it: what a directory restored by hand is
// recovered with. Blocks.

#include <string>

#include "archive/archiver.hpp"
#include "archive/restore_policy.hpp"
#include "archive/wal_fetcher.hpp"

namespace pgbosun::archive {

struct SingleFetch {
    std::string name, path;  // %f and %p
    ExpectedWal expected;
    Purpose purpose = Purpose::recover;
};

// Answers restore_command's exit status as PostgreSQL reads it: 0 the file is at `path`; 1 the archive has definitely no
// such file; 255 recovery must stop. While the store does not answer it is asked again: recovery to a target waits until
// PostgreSQL ends this process. What went wrong is logged.
int fetch_single(ObjectStore& store, const std::string& server, const SingleFetch& wanted, Pace pace);

}  // namespace pgbosun::archive
