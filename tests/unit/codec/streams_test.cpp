#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "codec/compressor.hpp"
#include "codec/decompressor.hpp"
#include "codec/encoding.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

using namespace pgbosun;
using namespace pgbosun::codec;

namespace {

using Bytes = std::vector<std::byte>;

// Half of it repeats, half does not: neither a best nor a worst case.
Bytes some_content(std::size_t size, std::uint64_t salt) {
    std::mt19937_64 random(test::seed() + salt);
    Bytes content(size);
    for (std::size_t at = 0; at < size; ++at) content[at] = std::byte((at / 512) % 2 == 0 ? 7 : random() & 0xff);
    return content;
}

Bytes compress(Compressor& compressor, std::span<const std::byte> content, std::size_t piece = 1 << 20) {
    Bytes out;
    REQUIRE(compressor.begin(content.size(), out));
    for (std::size_t at = 0; at < content.size(); at += piece) {
        REQUIRE(compressor.append(content.subspan(at, std::min(piece, content.size() - at)), out));
    }
    REQUIRE(compressor.finish(out));
    return out;
}

Result<Bytes> decompress(Decompressor& decompressor, std::span<const std::byte> compressed, std::uint64_t limit,
                         std::size_t piece = 1 << 20) {
    Bytes content;
    decompressor.begin(limit);
    const Decompressor::Sink sink = [&](std::span<const std::byte> part) -> Result<> {
        content.insert(content.end(), part.begin(), part.end());
        return {};
    };
    for (std::size_t at = 0; at < compressed.size(); at += piece) {
        auto fed = decompressor.feed(compressed.subspan(at, std::min(piece, compressed.size() - at)), sink);
        if (!fed) return std::unexpected(fed.error());
    }
    if (auto end = decompressor.finish(); !end) return std::unexpected(end.error());
    return content;
}

bool is_corrupt(const Result<Bytes>& result) { return !result && result.error().kind == FaultKind::corrupt; }

Compression any_compressing() { return GENERATE(Compression::zstd, Compression::gzip, Compression::lz4); }

}  // namespace

TEST_CASE("what was compressed comes back, whatever its size and the pieces it comes in") {
    const auto compression = GENERATE(Compression::none, Compression::zstd, Compression::gzip, Compression::lz4);
    const std::size_t size = GENERATE(std::size_t{0}, 1, 4096, 128 * 1024, 128 * 1024 + 1, 3'000'000);
    CAPTURE(size);
    auto compressor = make_compressor(compression, 1);
    REQUIRE(compressor);
    auto decompressor = make_decompressor(encoding_of(compression));

    const Bytes content = some_content(size, 1);
    const Bytes compressed = compress(**compressor, content, 100'000);

    CHECK(decompress(*decompressor, compressed, size) == content);
    CHECK(decompress(*decompressor, compressed, size, 7777) == content);
    CHECK((size < 4096 || compression == Compression::none || compressed.size() < size));
}

TEST_CASE("a stream fed byte by byte comes back too") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes content = some_content(5000, 2);

    const Bytes compressed = compress(**compressor, content, 1);

    CHECK(decompress(*decompressor, compressed, content.size(), 1) == content);
}

TEST_CASE("one context serves file after file, also after one that was given up") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes first = some_content(200'000, 3);
    const Bytes second = some_content(100'000, 4);
    const Bytes whole = compress(**compressor, second);

    Bytes given_up;
    REQUIRE((*compressor)->begin(first.size(), given_up));
    REQUIRE((*compressor)->append(first, given_up));
    REQUIRE_FALSE(decompress(*decompressor, std::span(whole).first(whole.size() / 2), 1 << 20));

    // Not the same bytes: a context that has seen other content may find other matches.
    const Bytes again = compress(**compressor, second);
    CHECK(decompress(*decompressor, again, second.size()) == second);
    CHECK(decompress(*decompressor, whole, second.size()) == second);
}

TEST_CASE("several frames or members one after the other are one stream") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes first = some_content(200'000, 5);
    const Bytes second = some_content(70'000, 6);
    Bytes content = first;
    content.insert(content.end(), second.begin(), second.end());

    Bytes compressed = compress(**compressor, first);
    const Bytes rest = compress(**compressor, second);
    compressed.insert(compressed.end(), rest.begin(), rest.end());

    CHECK(decompress(*decompressor, compressed, content.size()) == content);
    CHECK(decompress(*decompressor, compressed, content.size(), 11) == content);
}

TEST_CASE("a stream cut anywhere is corrupt") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes compressed = compress(**compressor, some_content(3000, 7));

    for (std::size_t length = 0; length < compressed.size(); ++length) {
        CAPTURE(length);
        REQUIRE(is_corrupt(decompress(*decompressor, std::span(compressed).first(length), 1 << 20)));
    }
}

TEST_CASE("something after the last frame is corrupt") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    Bytes compressed = compress(**compressor, some_content(3000, 8));

    const std::size_t garbage = GENERATE(std::size_t{1}, 2, 20);
    compressed.insert(compressed.end(), garbage, std::byte{0});

    CHECK(is_corrupt(decompress(*decompressor, compressed, 1 << 20)));
}

TEST_CASE("a flipped bit never yields other content") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes content = some_content(3000, 9);
    const Bytes compressed = compress(**compressor, content);
    std::mt19937_64 random(test::seed());

    for (int round = 0; round < 500; ++round) {
        const std::size_t at = random() % compressed.size();
        const auto bit = std::byte{static_cast<unsigned char>(1U << (random() % 8))};
        CAPTURE(at);
        Bytes damaged = compressed;
        damaged[at] ^= bit;
        const auto result = decompress(*decompressor, damaged, 1 << 20);
        // A bit that means nothing (a time stamp in gzip's header) may flip unseen; the content may not change.
        REQUIRE((is_corrupt(result) || (result && *result == content)));
    }
}

TEST_CASE("a bomb is refused as soon as it passes the limit") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes compressed = compress(**compressor, Bytes(20'000'000));
    REQUIRE(compressed.size() < 200'000);

    std::size_t seen = 0;
    decompressor->begin(1'000'000);
    const auto fed = decompressor->feed(compressed, [&](std::span<const std::byte> part) -> Result<> {
        seen += part.size();
        return {};
    });

    REQUIRE_FALSE(fed);
    CHECK(fed.error().kind == FaultKind::corrupt);
    CHECK(seen <= 1'000'000);
}

TEST_CASE("exactly the limit is accepted, one byte more is not") {
    const auto compression = GENERATE(Compression::none, Compression::zstd, Compression::gzip, Compression::lz4);
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes compressed = compress(**compressor, some_content(300'000, 10));

    CHECK(decompress(*decompressor, compressed, 300'000));
    CHECK(is_corrupt(decompress(*decompressor, compressed, 299'999)));
}

TEST_CASE("a fault of the sink ends the stream and is handed on as it is") {
    const auto compression = any_compressing();
    auto compressor = make_compressor(compression, 1);
    auto decompressor = make_decompressor(encoding_of(compression));
    const Bytes compressed = compress(**compressor, some_content(1000, 11));

    decompressor->begin(1 << 20);
    const auto fed = decompressor->feed(
        compressed, [](std::span<const std::byte>) -> Result<> { return fail(FaultKind::cancelled, "no more"); });

    REQUIRE_FALSE(fed);
    CHECK(fed.error().what == "no more");
}

TEST_CASE("a frame that got another amount than it was told is not finished") {
    const auto compression = GENERATE(Compression::zstd, Compression::lz4);
    auto compressor = make_compressor(compression, 1);
    const Bytes content = some_content(1000, 12);
    Bytes out;

    REQUIRE((*compressor)->begin(2000, out));
    REQUIRE((*compressor)->append(content, out));

    CHECK_FALSE((*compressor)->finish(out));
}

TEST_CASE("levels that do not exist are refused with the range that does") {
    struct Row {
        Compression compression;
        int level;
        bool exists;
    };
    const auto row =
        GENERATE(Row{Compression::zstd, 0, false}, Row{Compression::zstd, 1, true}, Row{Compression::zstd, 19, true},
                 Row{Compression::zstd, 20, false}, Row{Compression::gzip, 0, false}, Row{Compression::gzip, 9, true},
                 Row{Compression::gzip, 10, false}, Row{Compression::lz4, -1, false}, Row{Compression::lz4, 12, true},
                 Row{Compression::lz4, 13, false}, Row{Compression::none, 99, true});
    CAPTURE(row.level);

    const auto made = make_compressor(row.compression, row.level);

    CHECK(made.has_value() == row.exists);
    if (!made) {
        CHECK(made.error().kind == FaultKind::refused);
        CHECK(made.error().hint.starts_with("choose a level from 1 to "));
    }
}

TEST_CASE("the extension tells the encoding") {
    struct Row {
        std::string name;
        Encoding encoding;
        std::string bare;
    };
    const auto row = GENERATE(Row{"000000010000000000000001", Encoding::plain, "000000010000000000000001"},
                              Row{"000000010000000000000001.zst", Encoding::zstd, "000000010000000000000001"},
                              Row{"00000002.history.gz", Encoding::gzip, "00000002.history"},
                              Row{"x.partial.lz4", Encoding::lz4, "x.partial"}, Row{"x.bz2", Encoding::bzip2, "x"},
                              Row{"x.xz", Encoding::xz, "x"}, Row{"x.tar.snappy", Encoding::snappy, "x.tar"},
                              Row{"x.zstd", Encoding::plain, "x.zstd"}, Row{"xzst", Encoding::plain, "xzst"},
                              Row{"x.ZST", Encoding::plain, "x.ZST"});

    CHECK(encoding_of_name(row.name) == row.encoding);
    CHECK(without_extension(row.name) == row.bare);
    CHECK(row.bare + std::string(extension(row.encoding)) == row.name);
}
