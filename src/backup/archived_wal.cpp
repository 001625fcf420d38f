#include "backup/archived_wal.hpp"

#include <optional>
#include <set>

#include "archive/layout.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_pages = 100;  // of one listing: a directory has at most 4,096 segments, and what belongs to them
constexpr std::size_t few = 3;

// Keys below `prefix`.
Result<std::set<std::string>> keys_below(ObjectStore& store, const std::string& prefix) {
    std::set<std::string> keys;
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        auto listing = store.list(prefix, "", after);
        if (!listing) return std::unexpected(std::move(listing.error()));
        for (auto& object : listing->objects) keys.insert(std::move(object.key));
        after = std::move(listing->next);
        if (!after) return keys;
    }
    return fail(FaultKind::refused, store.describe() + "/" + prefix + " holds far more than WAL");
}

bool has(const std::set<std::string>& keys, const std::string& wal_key) {
    for (auto at = keys.lower_bound(wal_key); at != keys.end() && at->starts_with(wal_key); ++at) {
        if (archive::encoding_of_key(wal_key, *at)) return true;
    }
    return false;
}

}  // namespace

Result<std::vector<wal::SegmentName>> missing_from_archive(ObjectStore& store, const std::string& server,
                                                           const std::vector<wal::SegmentName>& wanted) {
    std::vector<wal::SegmentName> missing;
    std::set<std::string> keys;
    std::string listed;
    for (const auto& segment : wanted) {
        const auto key = archive::wal_key(server, wal::Segment{segment});
        const auto prefix = wanted.size() <= few ? key : key.substr(0, key.rfind('/') + 1);
        if (prefix != listed) {
            auto found = keys_below(store, prefix);
            if (!found) return std::unexpected(std::move(found.error()));
            keys = *std::move(found);
            listed = prefix;
        }
        if (!has(keys, key)) missing.push_back(segment);
    }
    return missing;
}

}  // namespace pgbosun::backup
