#include "backup/needed_wal.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

constexpr std::uint64_t mega = 1 << 20;
const auto size = wal::SegmentSize::from_bytes(16 * mega).value();

std::vector<std::string> names(const std::vector<wal::SegmentName>& segments) {
    std::vector<std::string> texts;
    for (const auto& segment : segments) texts.push_back(to_string(segment));
    return texts;
}

// Timeline 3, which left 2 at 100 MB, which left 1 at 50 MB.
const wal::TimelineHistory history{Timeline{3},
                                   {{Timeline{1}, Lsn{50 * mega}, ""}, {Timeline{2}, Lsn{100 * mega}, ""}}};

}  // namespace

TEST_CASE("a backup on one timeline needs what is between its beginning and its end") {
    const wal::TimelineHistory first{Timeline{1}, {}};
    struct Row {
        std::uint64_t begin, end;
        std::vector<std::string> segments;
    };
    const Row table[] = {
        {16 * mega + 40, 16 * mega + 300, {"000000010000000000000001"}},
        {16 * mega, 32 * mega, {"000000010000000000000001"}},  // the end is behind the last byte
        {16 * mega, 32 * mega + 1, {"000000010000000000000001", "000000010000000000000002"}},
        {4080 * mega + 40, 4096 * mega + 40, {"0000000100000000000000FF", "000000010000000100000000"}},
        {16 * mega + 40, 16 * mega + 40, {"000000010000000000000001"}},
    };
    for (const auto& row : table) {
        const auto ranges = needed_wal(Timeline{1}, Lsn{row.begin}, first, Lsn{row.end});
        REQUIRE(ranges);
        CHECK(*ranges == std::vector{WalRange{Timeline{1}, Lsn{row.begin}, Lsn{row.end}}});
        CHECK(names(segments_of(*ranges, size)) == row.segments);
    }
}

TEST_CASE("a standby that followed a promotion needs the WAL of both timelines") {
    const auto ranges = needed_wal(Timeline{1}, Lsn{20 * mega}, history, Lsn{120 * mega});
    REQUIRE(ranges);
    CHECK(*ranges == std::vector{WalRange{Timeline{1}, Lsn{20 * mega}, Lsn{50 * mega}},
                                 WalRange{Timeline{2}, Lsn{50 * mega}, Lsn{100 * mega}},
                                 WalRange{Timeline{3}, Lsn{100 * mega}, Lsn{120 * mega}}});
    CHECK(names(segments_of(*ranges, size)) ==
          std::vector<std::string>{"000000010000000000000001", "000000010000000000000002", "000000020000000000000003",
                                   "000000020000000000000004", "000000020000000000000005", "000000030000000000000006",
                                   "000000030000000000000007"});
}

TEST_CASE("a backup that ends before it begins, or elsewhere, is refused") {
    CHECK(needed_wal(Timeline{3}, Lsn{120 * mega}, history, Lsn{110 * mega}).error().kind == FaultKind::corrupt);
    CHECK(needed_wal(Timeline{4}, Lsn{20 * mega}, history, Lsn{110 * mega}).error().kind == FaultKind::corrupt);
    CHECK(needed_wal(Timeline{1}, Lsn{60 * mega}, history, Lsn{110 * mega}).error().kind == FaultKind::corrupt);
}

TEST_CASE("the last segment is the one with the byte before the end") {
    CHECK(to_string(last_segment(Timeline{1}, Lsn{32 * mega}, size)) == "000000010000000000000001");
    CHECK(to_string(last_segment(Timeline{1}, Lsn{32 * mega + 1}, size)) == "000000010000000000000002");
}
