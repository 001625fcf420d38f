#pragma once
// One page of the keys below a directory, in key order. Reads only the directories that the page needs, each whole
// and sorted: memory is that of the largest directories on one path, not of the archive.

#include <optional>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// Larger than S3's: each page reads the directory of directories again, of which a million segments have four thousand.
inline constexpr std::size_t listing_limit = 10'000;

// As ObjectStore::list. Removes temporary files older than an hour that it comes across.
Result<Listing> list_directory(const std::string& root, const std::string& prefix, const std::string& delimiter,
                               const std::optional<std::string>& after);

}  // namespace pgbosun::object_store
