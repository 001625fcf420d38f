#pragma once
// One pass over a file: read, hash the content, compress.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "archive/layout.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

// What is stored with every object: tells whether two objects hold the same file, however each is compressed.
struct ContentHash {
    std::string digest;      // hexadecimal
    std::uint64_t size = 0;  // bytes of the file
    bool operator==(const ContentHash&) const = default;
};

ObjectMetadata to_metadata(const ContentHash& hash);
// None: written by another tool.
std::optional<ContentHash> hash_in(const ObjectMetadata& metadata);

struct EncodedFile {
    std::span<const std::byte> body;  // the encoder's buffer: until the next encode()
    ContentHash hash;
};

class FileEncoder {
public:
    FileEncoder(Compression compression, int level) : compression_(compression), level_(level) {}

    // Reads `file` from its beginning. corrupt: it is not `size` bytes long. unavailable: the disk failed.
    Result<EncodedFile> encode(int file, std::uint64_t size);

private:
    Compression compression_;
    int level_;
    std::vector<std::byte> chunk_;
    std::vector<std::byte> body_;
};

// The file that an object holds, part by part; `restart` as in ObjectStore::get. corrupt: the object does not decode
// or holds more than `limit` bytes. refused: we do not read this encoding.
Result<> read_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart);
Result<ContentHash> hash_object(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit);

}  // namespace pgbosun::archive
