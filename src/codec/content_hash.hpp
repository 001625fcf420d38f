#pragma once
// The hash of the uncompressed content that is kept with an object, so that two uploads of one segment can be
// compared whatever compression they went through. XXH3 of 128 bits, as xxh128sum prints it: on one core 46 GB/s in
// cache (`xxhsum -b`), where SHA-256 does 1.7 GB/s with SHA extensions and 0.47 without (`openssl speed`), and zstd -1
// compresses WAL at about 1.1. 128 bits make an accidental match impossible in practice. It guards against accident,
// not against an adversary: who can write to the archive can write any metadata.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pgbosun::codec {

// The metadata name (x-amz-meta-pgbosun-content-hash in S3) and the form of its value: "xxh3-128:<32 hex digits>".
inline constexpr std::string_view content_hash_name = "pgbosun-content-hash";

class ContentHash {
public:
    ContentHash();
    ~ContentHash();
    ContentHash(ContentHash&&) noexcept;
    ContentHash& operator=(ContentHash&&) noexcept;

    void restart();
    void append(std::span<const std::byte> content);
    // Of all that was appended since `restart`; one may go on appending.
    [[nodiscard]] std::string text() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string content_hash(std::span<const std::byte> content);

}  // namespace pgbosun::codec
