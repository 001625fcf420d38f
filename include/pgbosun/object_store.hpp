#pragma once
// Objects under keys: S3, a directory, Azure Blob or Google Cloud Storage. Used by the archiver's threads only.
// Every call blocks, may be made from any thread at once, retries by the one retry policy of object_store/ and is
// bounded in time. Keys are relative to the store's destination ("orders/wals/..."), never begin with '/' and have
// no "." or ".." part.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

// Names are lower case letters, digits and '-'; values printable ASCII.
using ObjectMetadata = std::map<std::string, std::string>;

struct ObjectFacts {
    std::string key;
    std::uint64_t size = 0;   // in a listing: what it takes in the store, more than its content when encrypted
    ObjectMetadata metadata;  // empty in a listing
    // In a listing: when it was written, by the store's clock. None: the store does not say.
    std::optional<WallTime> modified = std::nullopt;
};

struct Listing {
    std::vector<ObjectFacts> objects;   // in key order
    std::vector<std::string> prefixes;  // "directories", ending in '/', when a delimiter was asked for
    std::optional<std::string> next;    // pass as `after` to go on; none: this was the end
};

// What every store takes: S3 refuses smaller parts (the last may be) and more of them, R2 parts of different sizes.
inline constexpr std::uint64_t smallest_part = std::uint64_t{5} << 20;  // bytes
inline constexpr int most_parts = 10'000;

// An object whose length is not known in advance, written in parts. Nothing is to be seen under its key until
// complete() has succeeded. Dropping the upload leaves its parts in the store: abort() it, or
// ObjectStore::abort_unfinished() finds them later.
class PartedUpload {
public:
    virtual ~PartedUpload() = default;

    // Parts are numbered from 1 and all of the size that was said but the last, which has at least one byte. May be
    // called from several threads at once, in any order, and again for any part, which replaces it. Success: the
    // caller need not keep the part any longer. refused also: the store no longer knows the upload.
    virtual Result<> put_part(int number, std::span<const std::byte> body) = 0;
    // Success: the object is durable, made of the parts 1 to `parts`; it replaces what was there.
    virtual Result<> complete(int parts) = 0;
    // Success: no part is left, also when there was none any more. Nothing but destruction may follow. refused: the
    // store cannot do it (s3rver).
    virtual Result<> abort() = 0;
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

    // `part_size` in bytes, at least smallest_part. The upload must not outlive the store.
    virtual Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                               const ObjectMetadata& metadata) = 0;
    // Aborts the uploads below `prefix` that were begun and neither completed nor aborted, and answers how many. The
    // caller makes sure that nobody is at work there. refused: the store cannot tell which there are (s3rver).
    virtual Result<std::uint64_t> abort_unfinished(const std::string& prefix) = 0;

    // Feeds the body to `sink` in order; a short or changed body is a Fault, never success. `restart` is called
    // before the first byte and again whenever a retry begins from the start. not_found only when the store said so.
    // A Fault that `sink` returns ends the transfer and is returned as it is.
    using Sink = std::function<Result<>(std::span<const std::byte>)>;
    virtual Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) = 0;

    virtual Result<ObjectFacts> head(const std::string& key) = 0;

    // At most 1,000 entries a call. `delimiter` "" or "/".
    virtual Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                                 const std::optional<std::string>& after) = 0;

    // Success also for keys that were not there.
    virtual Result<> remove(const std::vector<std::string>& keys) = 0;

    // Tells places of one name apart: a directory on which nothing is mounted any more is another one. Any thread.
    [[nodiscard]] virtual std::uint64_t place() const { return 0; }

    // For people: "s3://bucket/path". No secret.
    [[nodiscard]] virtual std::string describe() const = 0;

    // Makes every call under way and every later one return `cancelled` soon. Any thread.
    virtual void cancel() = 0;
};

}  // namespace pgbosun
