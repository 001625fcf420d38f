#include "app/archiver_memory.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

constexpr Instant start{1000s};
constexpr auto refused = "000000010000000000000003: 403 Forbidden";

ArchiveReport well() {
    ArchiveReport report;
    report.target = "s3://wal/pg";
    report.last_wal = "000000010000000000000002";
    report.last_at = "2026-11-21T01:00:00.000Z";
    report.archived = 2;
    return report;
}

ArchiveReport failing(const char* since) {
    ArchiveReport report;
    report.target = "s3://wal/pg";
    report.backlog = 1;
    report.failing_since = since;
    report.last_error = refused;
    return report;
}

// What an archiver says that has done nothing yet.
ArchiveReport fresh(std::uint64_t backlog = 0) {
    ArchiveReport report;
    report.target = "s3://wal/pg";
    report.backlog = backlog;
    return report;
}

}  // namespace

TEST_CASE("an archiver that has done nothing yet does not end the failure that the one before has told") {
    ArchiverMemory memory;
    memory.begin_anew(start);
    memory.take(failing("2026-11-21T01:00:00.000Z"), start + 1s);
    const Instant reload = start + 600s;

    memory.begin_anew(reload);

    for (const auto backlog : {0, 1}) {
        const auto& known = memory.take(fresh(static_cast<std::uint64_t>(backlog)), reload + 50ms);
        CHECK(known.failing_since == "2026-11-21T01:00:00.000Z");
        CHECK(known.last_error == refused);
    }
    const auto& again = memory.take(failing("2026-11-21T01:10:00.100Z"), reload + 100ms);
    CHECK(again.failing_since == "2026-11-21T01:00:00.000Z");
    CHECK(memory.take(fresh(1), reload + 3600s).failing_since == "2026-11-21T01:00:00.000Z");
}

TEST_CASE("an archiver ends the failure of the one before when it has archived what waits, or has nothing to do") {
    ArchiverMemory memory;
    memory.begin_anew(start);
    memory.take(failing("2026-11-21T01:00:00.000Z"), start + 1s);
    memory.begin_anew(start + 60s);

    SECTION("all that waits is archived") {
        auto report = well();
        report.backlog = 1;
        CHECK(memory.take(report, start + 61s).failing_since);
        report.backlog = 0;
        CHECK_FALSE(memory.take(report, start + 61s).failing_since);
        CHECK_FALSE(memory.known().last_error);
    }
    SECTION("much waits, and some of it has been archived for a while") {
        auto report = well();
        report.backlog = 100;
        CHECK_FALSE(memory.take(report, start + 60s + ArchiverMemory::believed_after).failing_since);
    }
    SECTION("nothing waits any more") {
        CHECK(memory.take(fresh(), start + 60s + ArchiverMemory::believed_after - 1ms).failing_since);
        CHECK_FALSE(memory.take(fresh(), start + 60s + ArchiverMemory::believed_after).failing_since);
    }
    // From then on it has the word.
    memory.take(well(), start + 80s);
    CHECK(memory.take(failing("2026-11-21T02:00:00.000Z"), start + 90s).failing_since == "2026-11-21T02:00:00.000Z");
}

TEST_CASE("the last WAL outlives the archiver that has archived it, and not the archive that it is in") {
    ArchiverMemory memory;
    memory.begin_anew(start);
    memory.take(well(), start + 1s);

    memory.begin_anew(start + 60s);

    CHECK(memory.take(fresh(), start + 61s).last_wal == "000000010000000000000002");
    CHECK(memory.known().last_at == "2026-11-21T01:00:00.000Z");
    CHECK_FALSE(memory.known().failing_since);
    auto elsewhere = fresh();
    elsewhere.target = "s3://other/pg";
    CHECK_FALSE(memory.take(elsewhere, start + 62s).last_wal);
}

TEST_CASE("a failure of another archive is not inherited") {
    ArchiverMemory memory;
    memory.begin_anew(start);
    memory.take(failing("2026-11-21T01:00:00.000Z"), start + 1s);
    memory.begin_anew(start + 60s);
    auto elsewhere = fresh(1);
    elsewhere.target = "s3://other/pg";
    CHECK_FALSE(memory.take(elsewhere, start + 61s).failing_since);
}
