// What others write and we only read: made here by the libraries themselves, snappy's frames by hand.

#include <bzlib.h>
#include <lzma.h>
#include <snappy-c.h>

#include <algorithm>
#include <random>
#include <string_view>

#include "codec/crc32c.hpp"
#include "codec/decompressor.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun;
using namespace pgbosun::codec;

namespace {

using Bytes = std::vector<std::byte>;

Bytes some_content(std::size_t size, std::uint64_t salt) {
    std::mt19937_64 random(test::seed() + salt);
    Bytes content(size);
    for (std::size_t at = 0; at < size; ++at) content[at] = std::byte((at / 512) % 2 == 0 ? 7 : random() & 0xff);
    return content;
}

// Never null: the libraries want a place even for nothing.
char* chars(const Bytes& bytes) {
    static char nothing = 0;
    return bytes.empty() ? &nothing : const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
}

Bytes bzip2(const Bytes& content) {
    Bytes out(content.size() + content.size() / 100 + 600);
    auto length = static_cast<unsigned>(out.size());
    REQUIRE(BZ2_bzBuffToBuffCompress(chars(out), &length, chars(content), static_cast<unsigned>(content.size()), 1, 0,
                                     0) == BZ_OK);
    out.resize(length);
    return out;
}

Bytes xz(const Bytes& content, std::uint32_t preset = 0) {
    Bytes out(lzma_stream_buffer_bound(content.size()));
    std::size_t length = 0;
    REQUIRE(lzma_easy_buffer_encode(preset, LZMA_CHECK_CRC64, nullptr,
                                    reinterpret_cast<const std::uint8_t*>(content.data()), content.size(),
                                    reinterpret_cast<std::uint8_t*>(out.data()), &length, out.size()) == LZMA_OK);
    out.resize(length);
    return out;
}

void append_chunk(Bytes& out, unsigned type, std::span<const std::byte> body) {
    for (const auto byte : {type, static_cast<unsigned>(body.size()), static_cast<unsigned>(body.size() >> 8),
                            static_cast<unsigned>(body.size() >> 16)}) {
        out.push_back(std::byte(byte & 0xff));
    }
    out.insert(out.end(), body.begin(), body.end());
}

enum class Chunks { compressed, plain };

Bytes snappy_data(std::span<const std::byte> content, Chunks chunks) {
    const std::uint32_t crc = crc32c(0, content);
    const std::uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
    Bytes body;
    for (int shift = 0; shift < 32; shift += 8) body.push_back(std::byte((masked >> shift) & 0xff));
    if (chunks == Chunks::plain) {
        body.insert(body.end(), content.begin(), content.end());
        return body;
    }
    Bytes packed(snappy_max_compressed_length(content.size()));
    std::size_t length = packed.size();
    REQUIRE(snappy_compress(reinterpret_cast<const char*>(content.data()), content.size(), chars(packed), &length) ==
            SNAPPY_OK);
    body.insert(body.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
    return body;
}

Bytes snappy_head() {
    Bytes out;
    append_chunk(out, 0xff, std::as_bytes(std::span(std::string_view("sNaPpY"))));
    return out;
}

Bytes snappy(const Bytes& content, Chunks chunks = Chunks::compressed) {
    Bytes out = snappy_head();
    for (std::size_t at = 0; at < content.size(); at += 65536) {
        const auto piece = std::span(content).subspan(at, std::min<std::size_t>(65536, content.size() - at));
        append_chunk(out, chunks == Chunks::plain ? 1 : 0, snappy_data(piece, chunks));
    }
    return out;
}

Bytes encode(Encoding encoding, const Bytes& content) {
    if (encoding == Encoding::bzip2) return bzip2(content);
    return encoding == Encoding::xz ? xz(content) : snappy(content);
}

Result<Bytes> decode(Decompressor& decompressor, std::span<const std::byte> encoded, std::uint64_t limit,
                     std::size_t piece = 1 << 20) {
    Bytes content;
    decompressor.begin(limit);
    const Decompressor::Sink sink = [&](std::span<const std::byte> part) -> Result<> {
        content.insert(content.end(), part.begin(), part.end());
        return {};
    };
    for (std::size_t at = 0; at < encoded.size(); at += piece) {
        auto fed = decompressor.feed(encoded.subspan(at, std::min(piece, encoded.size() - at)), sink);
        if (!fed) return std::unexpected(fed.error());
    }
    if (auto end = decompressor.finish(); !end) return std::unexpected(end.error());
    return content;
}

bool is_corrupt(const Result<Bytes>& result) { return !result && result.error().kind == FaultKind::corrupt; }

Encoding any_foreign() { return GENERATE(Encoding::bzip2, Encoding::xz, Encoding::snappy); }

}  // namespace

TEST_CASE("what others compressed comes back, whatever its size and the pieces it comes in") {
    const auto encoding = any_foreign();
    const std::size_t size = GENERATE(std::size_t{0}, 1, 4096, 65536, 65537, 128 * 1024 + 1, 3'000'000);
    CAPTURE(encoding, size);
    const auto decompressor = make_decompressor(encoding);
    const Bytes content = some_content(size, 1);

    const Bytes encoded = encode(encoding, content);

    CHECK(decode(*decompressor, encoded, size) == content);
    CHECK(decode(*decompressor, encoded, size, 7777) == content);
    CHECK((size < 4096 || encoded.size() < size));
}

TEST_CASE("byte by byte, and one stream after the other") {
    const auto encoding = any_foreign();
    CAPTURE(encoding);
    const auto decompressor = make_decompressor(encoding);
    Bytes content = some_content(70'000, 2);
    Bytes encoded = encode(encoding, content);
    const Bytes second = some_content(5000, 3);
    const Bytes more = encode(encoding, second);

    content.insert(content.end(), second.begin(), second.end());
    encoded.insert(encoded.end(), more.begin(), more.end());

    CHECK(decode(*decompressor, encoded, content.size(), 1) == content);
    CHECK(decode(*decompressor, encoded, content.size()) == content);
}

TEST_CASE("a foreign stream that was given up leaves nothing behind") {
    const auto encoding = any_foreign();
    CAPTURE(encoding);
    const auto decompressor = make_decompressor(encoding);
    const Bytes content = some_content(100'000, 4);
    const Bytes encoded = encode(encoding, content);

    REQUIRE_FALSE(decode(*decompressor, std::span(encoded).first(encoded.size() / 2), 1 << 20));

    CHECK(decode(*decompressor, encoded, content.size()) == content);
}

TEST_CASE("a foreign stream cut anywhere is corrupt") {
    const auto encoding = any_foreign();
    CAPTURE(encoding);
    const auto decompressor = make_decompressor(encoding);
    const Bytes encoded = encode(encoding, some_content(3000, 5));

    for (std::size_t length = 0; length < encoded.size(); ++length) {
        CAPTURE(length);
        // Snappy alone has no end mark: between two chunks a cut is not seen.
        if (encoding == Encoding::snappy && length == snappy_head().size()) continue;
        REQUIRE(is_corrupt(decode(*decompressor, std::span(encoded).first(length), 1 << 20)));
    }
}

TEST_CASE("something after the last foreign stream is corrupt") {
    const auto encoding = any_foreign();
    const auto garbage = GENERATE(std::size_t{1}, 2, 20);
    CAPTURE(encoding, garbage);
    const auto decompressor = make_decompressor(encoding);
    Bytes encoded = encode(encoding, some_content(3000, 6));

    encoded.insert(encoded.end(), garbage, std::byte{0});

    CHECK(is_corrupt(decode(*decompressor, encoded, 1 << 20)));
}

TEST_CASE("a flipped bit of a foreign stream never yields other content") {
    const auto encoding = any_foreign();
    const auto decompressor = make_decompressor(encoding);
    const Bytes content = some_content(3000, 7);
    const Bytes encoded = encode(encoding, content);
    std::mt19937_64 random(test::seed());

    for (int round = 0; round < 500; ++round) {
        Bytes damaged = encoded;
        const std::size_t at = random() % damaged.size();
        damaged[at] ^= std::byte{static_cast<unsigned char>(1U << (random() % 8))};
        CAPTURE(encoding, at);
        const auto result = decode(*decompressor, damaged, 1 << 20);
        // A chunk of snappy's whose type becomes one that is skipped is not missed: see decompressor.hpp.
        const bool skipped = encoding == Encoding::snappy && result && result->empty();
        REQUIRE((skipped || is_corrupt(result) || (result && *result == content)));
    }
}

TEST_CASE("a foreign bomb is refused as soon as it passes the limit") {
    const auto encoding = any_foreign();
    CAPTURE(encoding);
    const auto decompressor = make_decompressor(encoding);
    const Bytes encoded = encode(encoding, Bytes(20'000'000));
    REQUIRE(encoded.size() < 1'500'000);

    std::size_t seen = 0;
    decompressor->begin(1'000'000);
    const auto fed = decompressor->feed(encoded, [&](std::span<const std::byte> part) -> Result<> {
        seen += part.size();
        return {};
    });

    REQUIRE_FALSE(fed);
    CHECK(fed.error().kind == FaultKind::corrupt);
    CHECK(seen <= 1'000'000);
}

TEST_CASE("an xz stream that wants more memory than is allowed is corrupt, and says so") {
    const auto decompressor = make_decompressor(Encoding::xz);
    lzma_options_lzma options{};
    REQUIRE_FALSE(lzma_lzma_preset(&options, 0));
    options.dict_size = 512U << 20;
    const std::array<lzma_filter, 2> filters{lzma_filter{LZMA_FILTER_LZMA2, &options},
                                             lzma_filter{LZMA_VLI_UNKNOWN, nullptr}};
    lzma_block block{};
    Bytes encoded = xz(some_content(1000, 8));

    // The block's header says how large the dictionary is: made anew for another one, with its own checksum.
    block.check = LZMA_CHECK_CRC64;
    block.compressed_size = block.uncompressed_size = LZMA_VLI_UNKNOWN;
    block.filters = const_cast<lzma_filter*>(filters.data());
    REQUIRE(lzma_block_header_size(&block) == LZMA_OK);
    REQUIRE(encoded.size() > 12 + block.header_size);
    REQUIRE(lzma_block_header_encode(&block, reinterpret_cast<std::uint8_t*>(encoded.data() + 12)) == LZMA_OK);

    const auto result = decode(*decompressor, encoded, 1 << 20);

    REQUIRE(is_corrupt(result));
    CHECK(result.error().what.contains("memory"));
}

TEST_CASE("snappy: plain chunks, padding and repeated heads are read; unknown, long and unnamed ones are not") {
    const auto decompressor = make_decompressor(Encoding::snappy);
    const Bytes content = some_content(200'000, 9);
    const Bytes data = snappy_data(std::span(content).first(100), Chunks::compressed);
    const Bytes padding(100'000);

    Bytes mixed = snappy(content, Chunks::plain);
    append_chunk(mixed, 0xfe, padding);
    append_chunk(mixed, 0xff, std::as_bytes(std::span(std::string_view("sNaPpY"))));
    CHECK(decode(*decompressor, mixed, content.size(), 1000) == content);

    Bytes without_head;
    append_chunk(without_head, 0, data);
    CHECK(is_corrupt(decode(*decompressor, without_head, 1 << 20)));

    struct Row {
        const char* what;
        unsigned type;
        Bytes body;
    };
    Bytes wrong_sum = data;
    wrong_sum[0] ^= std::byte{1};
    const std::vector<Row> wrong{
        {"unskippable", 2, data},
        {"too long", 0, padding},
        {"more content than a chunk may have", 1, snappy_data(std::span(content).first(65537), Chunks::plain)},
        {"only a checksum", 1, Bytes(4)},
        {"another head", 0xff, Bytes(6)},
        {"another checksum", 0, wrong_sum}};
    for (const auto& row : wrong) {
        CAPTURE(row.what);
        Bytes encoded = snappy_head();
        append_chunk(encoded, row.type, row.body);
        CHECK(is_corrupt(decode(*decompressor, encoded, 1 << 20)));
    }
}
