#pragma once
// The end of a backup: the WAL that it needs comes into the archive. Shell.

#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "pgbosun/object_store.hpp"
#include "pgbosun/time.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

struct WalWait {
    ObjectStore& store;
    const std::string& server;  // name in the archive
    std::vector<wal::SegmentName> segments;
    Duration longest{};
    std::stop_token stop;
    // Once, when some are not there yet; empty: their last one ends by itself.
    std::function<void()> end_segment;
    std::function<std::string()> last_archived;  // for a person
    std::function<void(const std::string& step)> say;
    std::string hint;  // when it took too long
};

// Success: all are there. unavailable: not in time. cancelled.
Result<> wait_for_wal(WalWait wait);

}  // namespace pgbosun::backup
