#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "codec/content_hash.hpp"
#include "codec/decompressor.hpp"
#include "codec/file_compressor.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::codec;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

class MemoryFile {
public:
    explicit MemoryFile(std::string_view content) : descriptor_(memfd_create("test", MFD_CLOEXEC)) {
        REQUIRE(write(descriptor_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    }
    ~MemoryFile() { close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    [[nodiscard]] int descriptor() const { return descriptor_; }

private:
    int descriptor_;
};

// Plays the file that somebody writes to while it is read.
class TruncatingCompressor final : public Compressor {
public:
    TruncatingCompressor(int descriptor, off_t size) : descriptor_(descriptor), size_(size) {}
    Result<> begin(std::optional<std::uint64_t>, std::vector<std::byte>&) override { return {}; }
    Result<> append(std::span<const std::byte>, std::vector<std::byte>&) override {
        REQUIRE(ftruncate(descriptor_, size_) == 0);
        return {};
    }
    Result<> finish(std::vector<std::byte>&) override { return {}; }

private:
    int descriptor_;
    off_t size_;
};

}  // namespace

TEST_CASE("the content hash is XXH3 of 128 bits as xxh128sum prints it") {
    CHECK(content_hash({}) == "xxh3-128:99aa06d3014798d86001c324468d497f");
    CHECK(content_hash(bytes("abc")) == "xxh3-128:06b05ab6733a618578af5f94892f3950");
}

TEST_CASE("the hash does not depend on the pieces, and begins anew when told") {
    ContentHash hash;
    hash.append(bytes("other"));
    hash.restart();

    hash.append(bytes("a"));
    hash.append(bytes(""));
    hash.append(bytes("bc"));

    CHECK(hash.text() == content_hash(bytes("abc")));
}

TEST_CASE("a file is hashed and compressed in one pass, into a buffer that is used again") {
    const auto compression = GENERATE(Compression::none, Compression::zstd, Compression::gzip, Compression::lz4);
    // Held whole, after a rest too, and larger than what is held.
    const auto size = GENERATE(std::size_t{0}, std::size_t{3'000'001}, std::size_t{FileCompressor::most_held} + 1);
    const std::string content(size, 'x');
    const MemoryFile file(content);
    FileCompressor compressor(*make_compressor(compression, 1));
    std::vector<std::byte> out(77);

    for (int round = 0; round < 2; ++round) {
        const auto result = compressor.compress(file.descriptor(), 40'000'000, out);

        REQUIRE(result);
        CHECK(result->size == content.size());
        CHECK(result->content_hash == content_hash(bytes(content)));
        std::string back;
        auto decompressor = make_decompressor(encoding_of(compression));
        decompressor->begin(content.size());
        REQUIRE(decompressor->feed(out, [&](std::span<const std::byte> part) -> Result<> {
            back.append(reinterpret_cast<const char*>(part.data()), part.size());
            return {};
        }));
        REQUIRE(decompressor->finish());
        CHECK(back == content);
        compressor.rest();
    }
}

TEST_CASE("a file larger than allowed is refused before it is read") {
    const MemoryFile file("12345");
    FileCompressor compressor(*make_compressor(Compression::none, 0));
    std::vector<std::byte> out;

    CHECK(compressor.compress(file.descriptor(), 5, out));
    const auto result = compressor.compress(file.descriptor(), 4, out);

    REQUIRE_FALSE(result);
    CHECK(result.error().kind == FaultKind::refused);
}

TEST_CASE("a file that grows or shrinks while it is read in pieces is corrupt") {
    const off_t becomes = GENERATE(off_t{100}, off_t{20'000'000});
    const MemoryFile file(std::string(FileCompressor::most_held + 1, 'x'));
    FileCompressor compressor(std::make_unique<TruncatingCompressor>(file.descriptor(), becomes));
    std::vector<std::byte> out;

    const auto result = compressor.compress(file.descriptor(), 40'000'000, out);

    REQUIRE_FALSE(result);
    CHECK(result.error().kind == FaultKind::corrupt);
}

TEST_CASE("a file that has more in it than it said is corrupt") {
    const Descriptor file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));  // says 0 bytes
    FileCompressor compressor(*make_compressor(Compression::zstd, 1));
    std::vector<std::byte> out;

    const auto result = compressor.compress(file.get(), 1000, out);

    REQUIRE_FALSE(result);
    CHECK(result.error().kind == FaultKind::corrupt);
}

TEST_CASE("a file that cannot be read is unavailable") {
    FileCompressor compressor(*make_compressor(Compression::zstd, 1));
    std::vector<std::byte> out;

    const auto result = compressor.compress(-1, 1000, out);

    REQUIRE_FALSE(result);
    CHECK(result.error().kind == FaultKind::unavailable);
}
