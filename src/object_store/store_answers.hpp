#pragma once
// From what a store over HTTP answered to what the port says. Pure.

#include <string>

#include "object_store/http_client.hpp"
#include "object_store/s3_messages.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// Begins a `next` that is the store's own token. No key begins so: keys hold no control characters.
inline constexpr char token_mark = '\x01';

// Keys and prefixes below `root` + `prefix`, relative to `root`, sorted, without what is not after `after`:
// stores differ in whether they skip it.
Listing relative(S3Page page, const std::string& root, const std::string& prefix, const std::string& after);

// Size and metadata (headers that begin with `metadata_prefix`). unavailable: no size in it.
Result<ObjectFacts> facts_of(const std::string& key, const HttpAnswer& answer, const std::string& metadata_prefix);

std::unexpected<Fault> absent(const std::string& key);
std::unexpected<Fault> conflict(const std::string& key);

}  // namespace pgbosun::object_store
