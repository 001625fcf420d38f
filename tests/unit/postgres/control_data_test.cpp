#include "postgres/control_data.hpp"

#include "control_bytes.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;
using namespace pgbosun::test;

TEST_CASE("every version of pg_control is read") {
    const std::uint32_t version = GENERATE(1300U, 1700U, 1800U);

    const auto control = parse_control_data(control_bytes(version));

    REQUIRE(control);
    CHECK(control->control_version == version);
    CHECK(number(control->system_id) == 7710436416726794584U);
    CHECK(control->state == ClusterState::in_production);
    CHECK(to_string(control->checkpoint) == "15/28");
    CHECK(to_string(control->redo) == "15/0");
    CHECK(number(control->timeline) == 3);
    CHECK(number(control->previous_timeline) == 2);
    CHECK(control->wal_segment_size == 16U << 20);
}

TEST_CASE("a pg_control that is not whole or not ours is never used") {
    struct Case {
        const char* name;
        FaultKind kind;
        std::string bytes;
    };
    const auto changed = [](std::size_t offset, auto value, std::uint32_t version = 1300) {
        std::string bytes = control_bytes(version);
        put(bytes, offset, value);
        seal(bytes, version);
        return bytes;
    };
    std::string flipped = control_bytes();
    flipped[100] = static_cast<char>(flipped[100] ^ 1);
    std::string wrong_layout = control_bytes(1800);
    put(wrong_layout, 8, std::uint32_t{1300});
    const auto damaged_version = [](std::uint32_t version) {
        std::string bytes = control_bytes();
        put(bytes, 8, version);
        return bytes;
    };
    const Case cases[] = {
        {"empty", FaultKind::corrupt, ""},
        {"one byte short", FaultKind::corrupt, control_bytes().substr(0, 295)},
        {"zeroed", FaultKind::corrupt, std::string(8192, '\0')},
        {"one bit flipped", FaultKind::corrupt, flipped},
        {"the other layout's checksum", FaultKind::corrupt, wrong_layout},
        {"a version that cannot be", FaultKind::corrupt, damaged_version(2119176696)},
        {"a version with one bit flipped", FaultKind::corrupt, damaged_version(1301)},
        {"garbage", FaultKind::corrupt, std::string(8192, '\x7e')},
        {"older version", FaultKind::refused, changed(8, std::uint32_t{1201})},
        {"newer version", FaultKind::refused, changed(8, std::uint32_t{1900})},
        {"other byte order", FaultKind::refused, changed(8, __builtin_bswap32(1300))},
        {"4-byte alignment", FaultKind::refused, changed(204, std::uint32_t{4})},
        {"other floating point", FaultKind::refused, changed(208, 7654321.0)},
        {"unknown state", FaultKind::corrupt, changed(16, std::uint32_t{7})},
        {"segment size not a power of two", FaultKind::corrupt, changed(228, std::uint32_t{(16U << 20) + 1})},
        {"segment size too small", FaultKind::corrupt, changed(228, std::uint32_t{1U << 19})},
        {"segment size too large", FaultKind::corrupt, changed(228, std::uint32_t{1U << 31})},
        {"no system id", FaultKind::corrupt, changed(0, std::uint64_t{0})},
        {"timeline 0", FaultKind::corrupt, changed(48, std::uint32_t{0})},
    };
    for (const Case& test : cases) {
        CAPTURE(test.name);
        const auto control = parse_control_data(test.bytes);
        REQUIRE_FALSE(control);
        CHECK(control.error().kind == test.kind);
        if (test.kind == FaultKind::refused) CHECK_FALSE(control.error().hint.empty());
    }
    CHECK(parse_control_data(control_bytes().substr(0, 296)));
}
