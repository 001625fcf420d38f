// The archiver as a process of its own over a directory store, for tests that kill it.
// Arguments: volume, run directory, store directory.

#include <cstdlib>

#include "archive/service.hpp"
#include "object_store/directory_store.hpp"

int main(int count, char** arguments) {
    if (count != 4) return 2;
    pgbosun::Settings settings;
    settings.volume = arguments[1];
    settings.run_dir = arguments[2];
    settings.archive.emplace();
    settings.archive->server_name = "orders";
    settings.archive->wal.max_parallel = 2;
    const auto store = pgbosun::object_store::DirectoryStore::open(arguments[3]);
    return pgbosun::archive::run_archiver(settings, *store);
}
