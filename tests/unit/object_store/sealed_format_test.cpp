#include "object_store/sealed_format.hpp"

#include "support/catch.hpp"

using namespace pgbosun::object_store;

TEST_CASE("the size of an encrypted object and that of its content tell each other") {
    const std::uint64_t plain =
        GENERATE(0, 1, frame_bytes - 1, frame_bytes, frame_bytes + 1, 3 * frame_bytes, 5'000'000);

    CHECK(plain_size(sealed_size(plain), 0) == plain);
}

TEST_CASE("an object of parts has the content of its parts, and ends with one that is shorter") {
    const std::uint64_t part = 5 << 20;

    CHECK(plain_size(3 * sealed_size(part) + sealed_size(77), part) == 3 * part + 77);
    CHECK(plain_size(3 * sealed_size(part) + sealed_size(0), part) == 3 * part);
    CHECK(plain_size(sealed_size(1), part) == std::uint64_t{1});
    CHECK_FALSE(plain_size(3 * sealed_size(part), part));
    CHECK_FALSE(plain_size(3 * sealed_size(part) + 5, part));
    CHECK_FALSE(plain_size(99, 0));
}

TEST_CASE("a header and a frame's word come back as they went") {
    PartHeader header;
    header.number = 0x01020304;
    header.part_size = 0x05060708090a0b0c;
    header.key[7] = std::byte{1};
    header.object[0] = std::byte{2};
    header.salt[31] = std::byte{3};

    const auto bytes = encode(header);
    const auto back = decode_header(bytes);

    REQUIRE(back);
    CHECK(encode(*back) == bytes);
    CHECK(back->number == header.number);
    CHECK(back->part_size == header.part_size);
    CHECK_FALSE(decode_header(std::span(bytes).first(part_header_bytes - 1)));
    auto later = bytes;
    later[8] = std::byte{2};
    CHECK(looks_sealed(later));
    CHECK_FALSE(decode_header(later));
    for (const auto end : {FrameEnd::none, FrameEnd::part, FrameEnd::object}) {
        const auto word = decode_word(encode(FrameWord{frame_bytes, end}));
        REQUIRE(word);
        CHECK(word->length == frame_bytes);
        CHECK(word->end == end);
    }
    CHECK_FALSE(decode_word(encode(FrameWord{frame_bytes + 1, FrameEnd::part})));
    CHECK_FALSE(decode_word(encode(FrameWord{frame_bytes - 1, FrameEnd::none})));
}
