#include "supervision/fence_file.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

const WallTime modified = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 1h + 41min + 32s;
constexpr auto modified_text = "2026-11-21T01:41:32.000Z";

}  // namespace

TEST_CASE("a fence of ours is read as it was written") {
    for (const FenceStatus& fence :
         {FenceStatus{"disk swap", "2026-01-30T10:00:00.123Z"}, FenceStatus{"", "2026-01-30T10:00:00.123Z"}}) {
        CHECK(parse_fence(fence_text(fence), modified) == fence);
    }
    CHECK(parse_fence("2026-01-30T10:00:00.123Z", modified) == FenceStatus{"", "2026-01-30T10:00:00.123Z"});
}

TEST_CASE("a fence that a person made says so, and since when it is there") {
    const auto [text, reason] = GENERATE(table<std::string, std::string>({
        {"", "made by hand"},
        {"\n", "made by hand"},
        {" \t\r\n", "made by hand"},
        {"fenced", "made by hand: fenced"},
        {"storage\x1b moves\nask Ann\n", "made by hand: storage  moves"},
        {"2026-01-30 10:00:00\nby Ann\n", "made by hand: 2026-01-30 10:00:00"},
        {std::string(5000, 'x'), "made by hand: " + std::string(200, 'x')},
    }));

    CHECK(parse_fence(text, modified) == FenceStatus{reason, modified_text});
}

TEST_CASE("a fence that cannot be read has a time and the cause") {
    const Fault why{FaultKind::refused, "reading /v/pgbosun/fence: Permission denied", {}};

    const auto fence = unreadable_fence(why, modified);

    CHECK(fence.since == modified_text);
    CHECK(fence.reason == "the fence on the volume cannot be read: reading /v/pgbosun/fence: Permission denied");
}
