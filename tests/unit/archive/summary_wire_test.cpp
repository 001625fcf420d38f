#include "archive/summary_wire.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;

namespace {

CatalogSummary full() {
    CatalogSummary summary;
    summary.server = "orders";
    summary.empty = false;
    summary.count = 3;
    summary.done = 2;
    summary.backups = {{"20261121T010000", "weekly", "done", "incremental", "20261114T010000", "", "full", "pg-1",
                        WallTime(std::chrono::microseconds(1'700'000'000'000'001)),
                        WallTime(std::chrono::seconds(1'700'000'100)), "000000010000000000000002",
                        "000000010000000000000003", "0/2000028", "0/3000100", 1, 1000, 250, 7666666666666666666}};
    summary.last_done_at = WallTime(std::chrono::seconds(1'700'000'100));
    summary.last_done_id = "20261121T010000";
    summary.last_failed_at = WallTime(std::chrono::seconds(1'600'000'000));
    summary.last_failed_id = "20261120T010000";
    summary.last_error = "the store is full";
    summary.owner = 7710436416726794584;
    summary.recoverable_from = WallTime(std::chrono::seconds(1'700'000'050));
    summary.recoverable_to = "000000010000000000000009";
    summary.last_wal = "00000001000000000000000B";
    summary.wal_segment_size = 16 << 20;
    summary.timeline = 2;
    summary.history = "1\t0/3000000\tno \"reason\"\n";
    summary.wal_files = 10;
    summary.holes = {{"00000001000000000000000A", "00000001000000000000000A", 1}};
    summary.hole_count = 1;
    return summary;
}

Result<CatalogSummary> parsed(const std::string& line) {
    return parse_summary(std::string_view(line).substr(0, line.size() - 1));
}

}  // namespace

TEST_CASE("a summary is read as it was written") {
    for (const auto& summary : {full(), CatalogSummary{}}) {
        const auto line = render(summary);
        CHECK(line.find('\n') == line.size() - 1);
        const auto again = parsed(line);
        REQUIRE(again);
        CHECK(*again == summary);
    }
}

TEST_CASE("of too many backups the oldest are left out, of too many holes the last, and the line keeps its limit") {
    auto summary = full();
    summary.backups.assign(CatalogSummary::most_entries + 5, summary.backups[0]);
    summary.backups.front().id = "oldest";
    for (auto& backup : summary.backups) backup.error = std::string(5000, '"');
    summary.holes.assign(CatalogSummary::most_holes + 5, summary.holes[0]);

    const auto line = render(summary);
    CHECK(line.size() <= longest_summary);
    const auto again = parsed(line);

    REQUIRE(again);
    CHECK(again->backups.size() == CatalogSummary::most_entries);
    CHECK(again->backups.front().id != "oldest");
    CHECK(again->holes.size() == CatalogSummary::most_holes);
}

TEST_CASE("what is no summary is refused, and unknown keys are passed over") {
    for (const auto* line : {"", "[]", "{", "{\"count\": \"x\"}", "{\"count\": -1}", "{\"backups\": [1]}",
                             "{\"empty\": 1}", "{\"last_done_at\": \"2026\"}", "{\"holes\": {}}"}) {
        CAPTURE(line);
        CHECK_FALSE(parse_summary(line));
    }
    CHECK(parse_summary("{\"new\": 1, \"count\": 2}")->count == 2);
    CHECK_FALSE(parse_summary(std::string(longest_summary + 1, ' ')));
}
