#pragma once
// Objects under keys: S3, a directory, Azure Blob or Google Cloud Storage. Used by the archiver's threads only.
// Every call blocks, may be made from any thread at once, retries by the one retry policy of object_store/ and is
// bounded in time. Keys are relative to the store's destination ("orders/wals/..."), never begin with '/' and have
// no "." or ".." part.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun {

// Names are lower case letters, digits and '-'; values printable ASCII.
using ObjectMetadata = std::map<std::string, std::string>;

struct ObjectFacts {
    std::string key;
    std::uint64_t size = 0;
    ObjectMetadata metadata;  // empty in a listing
};

struct Listing {
    std::vector<ObjectFacts> objects;   // in key order
    std::vector<std::string> prefixes;  // "directories", ending in '/', when a delimiter was asked for
    std::optional<std::string> next;    // pass as `after` to go on; none: this was the end
};

class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    // Success: the object is durable with exactly these bytes. conflict: the key exists already (it is untouched).
    // unavailable: unknown, it may have been written; ask again.
    virtual Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                                   const ObjectMetadata& metadata) = 0;

    // Success: durable; replaces what was there.
    virtual Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) = 0;

    // Feeds the body to `sink` in order; a short or changed body is a Fault, never success. `restart` is called
    // before the first byte and again whenever a retry begins from the start. not_found only when the store said so.
    // A Fault that `sink` returns ends the transfer and is returned as it is.
    using Sink = std::function<Result<>(std::span<const std::byte>)>;
    virtual Result<ObjectFacts> get(const std::string& key, const Sink& sink,
                                    const std::function<void()>& restart) = 0;

    virtual Result<ObjectFacts> head(const std::string& key) = 0;

    // At most 1,000 entries a call. `delimiter` "" or "/".
    virtual Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                                 const std::optional<std::string>& after) = 0;

    // Success also for keys that were not there.
    virtual Result<> remove(const std::vector<std::string>& keys) = 0;

    // For people: "s3://bucket/path". No secret.
    [[nodiscard]] virtual std::string describe() const = 0;

    // Makes every call under way and every later one return `cancelled` soon. Any thread.
    virtual void cancel() = 0;
};

}  // namespace pgbosun
