#include "instance/archive_upstream.hpp"

#include <functional>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

constexpr std::uint32_t segment = 16 << 20;
constexpr SystemId ours{3};

CatalogEntry backup(const char* begin_lsn, int hour) {
    CatalogEntry entry;
    entry.id = "20261121T010000";
    entry.status = "done";
    entry.begin_lsn = begin_lsn;
    entry.end_at = WallTime(std::chrono::hours(hour));
    entry.system_id = 7;
    return entry;
}

// WAL to the end of segment 8 of timeline 2, and two backups, of which the end is reached from the second alone.
CatalogSummary archive() {
    CatalogSummary summary;
    summary.backups = {backup("0/2000028", 1), backup("0/5000028", 2)};
    summary.recoverable_from = WallTime(std::chrono::hours(2));
    summary.last_wal = "000000020000000000000008";
    summary.wal_segment_size = segment;
    summary.timeline = 2;
    summary.history = "1\t0/7000000\tno reason\n";
    return summary;
}

}  // namespace

TEST_CASE("an archive stands for the primary that archives there") {
    const auto seen = upstream_of(archive(), ours, 17);

    REQUIRE(seen);
    const Upstream& it = seen->upstream;
    CHECK(it.system_id == SystemId{7});
    CHECK(it.server_major == 17);
    CHECK(it.history == wal::TimelineHistory{Timeline{2}, {{Timeline{1}, Lsn{0x7000000}, "no reason"}}});
    CHECK(it.position == Position{Timeline{2}, Lsn{0x9000000}});
    CHECK_FALSE(it.connects);
    CHECK(it.shared == SharedWal::unknown);
    CHECK(seen->restorable_from == Lsn{0x5000028});
}

TEST_CASE("what an archive does not say is not made up") {
    auto without_system = archive();
    for (auto& entry : without_system.backups) entry.system_id = 0;
    CHECK(upstream_of(without_system, ours, 17)->upstream.system_id == ours);

    struct Row {
        const char* name;
        std::function<void(CatalogSummary&)> change;
        std::optional<Lsn> restorable_from;
    };
    const Row rows[] = {
        {"no hole", [](CatalogSummary& it) { it.recoverable_from = WallTime(std::chrono::hours(1)); }, Lsn{0x5000028}},
        {"a hole after all backups", [](CatalogSummary& it) { it.recoverable_from.reset(); }, std::nullopt},
        {"the newest one failed",
         [](CatalogSummary& it) {
             it.recoverable_from = WallTime(std::chrono::hours(1));
             it.backups.back().status = "failed";
         },
         Lsn{0x2000028}},
        {"no backups", [](CatalogSummary& it) { it.backups.clear(); }, std::nullopt},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto it = archive();
        row.change(it);
        CHECK(upstream_of(it, ours, 17)->restorable_from == row.restorable_from);
    }
}

TEST_CASE("an archive without WAL is waited for, and one that cannot be understood is not followed") {
    CHECK(upstream_of(CatalogSummary(), ours, 17).error().kind == FaultKind::unavailable);
    struct Row {
        const char* name;
        std::function<void(CatalogSummary&)> change;
    };
    const Row rows[] = {
        {"no segment size", [](CatalogSummary& it) { it.wal_segment_size = 0; }},
        {"no segment", [](CatalogSummary& it) { it.last_wal = "00000002.history"; }},
        {"a history that goes back", [](CatalogSummary& it) { it.history = "2\t0/7000000\tno reason\n"; }},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        auto it = archive();
        row.change(it);
        CHECK(upstream_of(it, ours, 17).error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a segment is lost when the archive went on without it, and only where a new copy gets further") {
    struct Row {
        const char* name;
        Lsn replayed, end, restorable_from;
        bool lost;
    };
    const Row rows[] = {
        {"the next one has not come yet", Lsn{0x4000100}, Lsn{0x4000000}, Lsn{0x5000028}, false},
        {"it has come just now", Lsn{0x4000100}, Lsn{0x5000000}, Lsn{0x5000028}, false},
        {"one after it has come", Lsn{0x4000100}, Lsn{0x6000000}, Lsn{0x5000028}, true},
        {"at the first byte of it", Lsn{0x4000000}, Lsn{0x6000000}, Lsn{0x5000028}, true},
        {"every backup is from before it", Lsn{0x4000100}, Lsn{0x6000000}, Lsn{0x4000028}, false},
    };
    for (const Row& row : rows) {
        INFO(row.name);
        ArchiveUpstream it;
        it.upstream.position = {Timeline{1}, row.end};
        it.restorable_from = row.restorable_from;
        CHECK(has_lost(it, row.replayed, segment) == row.lost);
        it.restorable_from.reset();
        CHECK_FALSE(has_lost(it, row.replayed, segment));
    }
}
