#pragma once
// Objects as the files that they hold, whatever they were compressed with.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "archive/layout.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

// The file that an object holds, part by part; `restart` as in ObjectStore::get. Success: every checksum was right.
// corrupt: it does not decode, or is longer than `limit` bytes. `arrived` is told
// how many bytes of the object came, before they are decoded.
Result<> read_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart,
                      const std::function<void(std::size_t)>& arrived = {});

// The same of an object that was stored with the hash of its content (codec/content_hash.hpp): corrupt also when that is
// another one. Barman's have none. What came before the end must not be used when it fails.
Result<> read_checked(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart);

// As codec/content_hash.hpp tells it, computed from the object's content.
Result<std::string> hash_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit);

}  // namespace pgbosun::archive
