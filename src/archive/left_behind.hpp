#pragma once
// WAL that a former primary has still to archive (.ready) when it is about to follow another one: PostgreSQL asks for it no
// more. It is archived once, beside PostgreSQL, and what cannot be is copied aside. Blocks; while no server runs there.

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "archive/identity.hpp"
#include "archive/wal_uploader.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

struct LeftBehindOrder {
    std::string data_directory;
    ClusterIdentity cluster;
    Timeline of_primary{};  // that is to be followed: files of older timelines only are archived
    int compressing = 1;
    std::chrono::milliseconds patience{10'000};  // without a file that came into the archive
    std::chrono::milliseconds pause{200};        // after the store did not answer
};

struct LeftBehindReport {
    std::size_t archived = 0;
    std::map<std::string, std::string> not_archived;  // name -> why
};

// Names of the files that wait, those that are archived first before the others. unavailable: the disk does not tell.
Result<std::vector<std::string>> left_behind(const std::string& data_directory);

// Marks as .done what is archived: killed at any place, the next run does the rest. `progress` is called on any thread after
// each file. When nothing was archived for `patience`, the store is cancelled: it is of no use afterwards.
LeftBehindReport archive_left_behind(ObjectStore& store, const ArchiveTarget& target, const LeftBehindOrder& order,
                                     const std::vector<std::string>& names,
                                     const std::function<void(std::size_t archived)>& progress);

// Copies <data directory>/pg_wal/<name> to <directory>/<name>; where another file has that name, a number follows it. Success:
// it is durable there, or an equal file was. not_found: PostgreSQL took it away. refused: there is no room for it and as much
// again.
Result<> keep_aside(const std::string& data_directory, const std::string& name, const std::string& directory);

}  // namespace pgbosun::archive
