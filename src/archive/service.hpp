#pragma once
// The program `pgbosun-archiver`: a child of PID 1 that answers the hook over its Unix socket.

#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::archive {

// Serves until standard input (PID 1's end of the link, archive_link.hpp) closes, or SIGTERM or SIGINT comes; uploads
// under way then have ten seconds. Reports go to standard output, log lines to pgbosun/log.hpp. `settings.archive`
// must be there; the store is cancelled at the end. Answers the exit status: 0, or 1 when it cannot listen.
//
// A recovery is served beside the instance's own archiver, on a socket of its own, and nothing is ever archived by it.
enum class Serves { instance, recovery };
int run_archiver(const Settings& settings, ObjectStore& store, Serves serves = Serves::instance);

}  // namespace pgbosun::archive
