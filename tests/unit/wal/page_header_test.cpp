#include "wal/page_header.hpp"

#include <array>
#include <cstring>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::wal;

namespace {

constexpr SystemId ours{7710436416726794584ULL};

struct Head {
    std::uint16_t magic = 0xD110;
    std::uint16_t info = 0x0006;
    std::uint32_t timeline = 1;
    std::uint64_t address = 0x3000000;
    std::uint64_t system_id = number(ours);
    std::uint32_t segment_size = 16 << 20;
    std::uint32_t block_size = 8192;

    [[nodiscard]] std::array<std::byte, 40> bytes() const {
        std::array<std::byte, 40> all{};
        std::memcpy(&all[0], &magic, 2);
        std::memcpy(&all[2], &info, 2);
        std::memcpy(&all[4], &timeline, 4);
        std::memcpy(&all[8], &address, 8);
        std::memcpy(&all[24], &system_id, 8);
        std::memcpy(&all[32], &segment_size, 4);
        std::memcpy(&all[36], &block_size, 4);
        return all;
    }
};

Result<PageHeader> check(const Head& head, std::uint64_t length = 16 << 20,
                         const char* name = "000000010000000000000003") {
    return check_segment(head.bytes(), length, parse_segment_name(name).value(), ours,
                         SegmentSize::from_bytes(16 << 20).value());
}

}  // namespace

TEST_CASE("the page header of each PostgreSQL version is known, and a newer one accepted as such") {
    const std::pair<std::uint16_t, WalVersion> table[] = {
        {0xD110, WalVersion::postgresql_15}, {0xD113, WalVersion::postgresql_16}, {0xD116, WalVersion::postgresql_17},
        {0xD118, WalVersion::postgresql_18}, {0xD119, WalVersion::newer},         {0xD1FF, WalVersion::newer},
    };
    for (const auto& [magic, version] : table) {
        CAPTURE(magic);
        const auto header = check({.magic = magic});
        REQUIRE(header);
        CHECK(header->version == version);
    }
    constexpr std::uint16_t unknown[] = {0x0000, 0xD10D, 0xD10F, 0xD200, 0x10D1, 0xFFFF};
    for (const auto magic : unknown) {
        CAPTURE(magic);
        CHECK(check({.magic = magic}).error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a segment that is not what its name says is named with what is wrong") {
    const std::pair<Head, const char*> table[] = {
        {{.info = 0x0004}, "long"},
        {{.timeline = 0}, "timeline 0"},
        {{.timeline = 2}, "timeline 2"},
        {{.address = 0x4000000}, "0/4000000"},
        {{.address = 0x3000001}, "0/3000001"},
        {{.segment_size = 32 << 20}, "33554432"},
        {{.segment_size = 0}, "segment size"},
        {{.block_size = 0}, "block size"},
        {{.block_size = 12288}, "block size"},
    };
    for (const auto& [head, why] : table) {
        CAPTURE(why);
        const auto header = check(head);
        REQUIRE_FALSE(header);
        CHECK(header.error().kind == FaultKind::corrupt);
        CHECK(header.error().what.find(why) != std::string::npos);
    }
}

TEST_CASE("a file that is too short or too long is no segment") {
    CHECK(check({}, (16 << 20) - 1).error().kind == FaultKind::corrupt);
    CHECK(check({}, (16 << 20) + 1).error().kind == FaultKind::corrupt);
    CHECK(check({}, 0).error().kind == FaultKind::corrupt);
}

TEST_CASE("another cluster's WAL is refused, and the hint says what to change") {
    const auto header = check({.system_id = 42});

    REQUIRE_FALSE(header);
    CHECK(header.error().kind == FaultKind::refused);
    CHECK(header.error().hint.find("archive.server_name") != std::string::npos);
}

TEST_CASE("the first segment of a new timeline may begin with its ancestor's page") {
    CHECK(check({.timeline = 1}, 16 << 20, "000000020000000000000003"));
}

TEST_CASE("fewer bytes than a header are no header") {
    const auto bytes = Head{}.bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        CHECK_FALSE(parse_page_header(std::span(bytes).first(length)));
    }
    CHECK(parse_page_header(bytes));
}
