#include "backup/backup_id.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using backup::BackupId;

namespace {

WallTime at(int year, unsigned month, unsigned day, std::chrono::seconds clock) {
    using namespace std::chrono;
    return WallTime(sys_days(std::chrono::year(year) / month / day) + clock);
}

std::set<BackupId> taken(std::initializer_list<const char*> texts) {
    std::set<BackupId> ids;
    for (const auto* text : texts) ids.insert(*BackupId::parse(text));
    return ids;
}

}  // namespace

TEST_CASE("an identifier is a moment in UTC, and near misses are none") {
    for (const auto* text : {"20261121T010203", "20240229T235959", "00010101T000000", "99991231T235959"}) {
        CAPTURE(text);
        const auto id = BackupId::parse(text);
        REQUIRE(id);
        CHECK(id->text() == text);
    }
    for (const auto* text :
         {"", "20261121T01020", "20261121T0102030", "20261121t010203", "20261121 010203", "20261321T010203",
          "20260229T010203", "20261100T010203", "20261121T240000", "20261121T016000", "20261121T010060",
          "2026112 T010203", "+0261121T010203", "00000101T000000", "latest", "20261121T-10203"}) {
        CAPTURE(text);
        CHECK_FALSE(BackupId::parse(text));
    }
}

TEST_CASE("an identifier says its moment, and orders as its moments do") {
    const auto id = BackupId::parse("20261121T010203");
    CHECK(id->time() == at(2026, 11, 21, std::chrono::hours(1) + std::chrono::seconds(123)));
    CHECK(*BackupId::parse("20261121T010203") < *BackupId::parse("20261121T010204"));
    CHECK(*BackupId::parse("20251231T235959") < *BackupId::parse("20260101T000000"));
}

TEST_CASE("the next identifier is new and after every older one, whatever the clock did") {
    const auto now = at(2026, 11, 21, std::chrono::seconds(5)) + std::chrono::microseconds(999'999);
    CHECK(BackupId::next(now, {}).text() == "20261121T000005");
    CHECK(BackupId::next(now, taken({"20261121T000004"})).text() == "20261121T000005");
    CHECK(BackupId::next(now, taken({"20261121T000005"})).text() == "20261121T000006");
    CHECK(BackupId::next(now, taken({"20261121T000005", "20270101T235959"})).text() == "20270102T000000");
}

TEST_CASE("an identifier at the end of time does not stop the next one from being new") {
    const auto now = at(2026, 11, 21, std::chrono::seconds(5));
    CHECK(BackupId::next(now, taken({"99991231T235959"})).text() == "20261121T000005");
    CHECK(BackupId::next(now, taken({"20261121T000005", "99991231T235959"})).text() == "20261121T000006");
}
