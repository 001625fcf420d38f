#pragma once
// Which of some segments are in the archive, whatever their compression.

#include <string>
#include <vector>

#include "pgbosun/object_store.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

// Those of `wanted` that are not there, in order. One listing for each 4 GB of WAL when there are many, one
// request for each segment when there are few.
Result<std::vector<wal::SegmentName>> missing_from_archive(ObjectStore& store, const std::string& server,
                                                           const std::vector<wal::SegmentName>& wanted);

}  // namespace pgbosun::backup
