#include "backup/backup_label.hpp"

#include <utility>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

const std::string plain =
    "START WAL LOCATION: 16/B3000028 (file 0000000300000016000000B3)\n"
    "CHECKPOINT LOCATION: 16/B3000060\n"
    "BACKUP METHOD: streamed\n"
    "BACKUP FROM: primary\n"
    "START TIME: 2026-11-21 01:41:32 UTC\n"
    "LABEL: the nightly one\n"
    "START TIMELINE: 3\n";

std::string with(const std::string& text, const std::string& from, const std::string& to) {
    std::string changed = text;
    const auto at = changed.find(from);
    REQUIRE(at != std::string::npos);
    return changed.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a label says where the backup begins") {
    const auto label = parse_backup_label(plain);
    REQUIRE(label);
    CHECK(label->start == Lsn{0x16'B300'0028});
    CHECK(to_string(label->start_file) == "0000000300000016000000B3");
    CHECK(label->checkpoint == Lsn{0x16'B300'0060});
    CHECK_FALSE(label->from_standby);
    CHECK(label->start_timeline == Timeline{3});
    CHECK(label->label == "the nightly one");
    CHECK_FALSE(label->incremental_from);
    CHECK_FALSE(label->incremental_timeline);
}

TEST_CASE("a label of a standby's incremental backup says so") {
    const auto label = parse_backup_label(with(plain, "primary", "standby") +
                                          "INCREMENTAL FROM LSN: 16/B1000028\nINCREMENTAL FROM TLI: 2\n");
    REQUIRE(label);
    CHECK(label->from_standby);
    CHECK(label->incremental_from == Lsn{0x16'B100'0028});
    CHECK(label->incremental_timeline == Timeline{2});
}

TEST_CASE("a label may be empty text") {
    const auto label = parse_backup_label(with(plain, "the nightly one", ""));
    REQUIRE(label);
    CHECK(label->label.empty());
}

TEST_CASE("what PostgreSQL does not write is corrupt") {
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"START WAL", "START  WAL"},
             {"16/B3000028", "16B3000028"},
             {" (file ", " file "},
             {"B3)\n", "B3\n"},
             {"0000000300000016000000B3", "0000000300000016000000b3"},
             {"0000000300000016000000B3", "0000000400000016000000B3"},
             {"CHECKPOINT LOCATION: 16/B3000060\n", ""},
             {"CHECKPOINT LOCATION: 16/", "CHECKPOINT LOCATION: 16/ "},
             {"streamed", "pg_start_backup"},
             {"primary", "somewhere"},
             {"START TIME: 2026-11-21 01:41:32 UTC\n", ""},
             {"the nightly one", "the\nnightly one"},
             {"START TIMELINE: 3", "START TIMELINE: 0"},
             {"START TIMELINE: 3", "START TIMELINE: 3x"},
             {"START TIMELINE: 3\n", "START TIMELINE: 3"},
             {"START TIMELINE: 3\n", "START TIMELINE: 3\r\n"},
             {"START TIMELINE: 3\n", "START TIMELINE: 3\nINCREMENTAL FROM LSN: 0/28\n"},
             {"START TIMELINE: 3\n", "START TIMELINE: 3\nINCREMENTAL FROM TLI: 3\n"},
             {"START TIMELINE: 3\n", "START TIMELINE: 3\nSTOP TIME: 2026-11-21 01:41:32 UTC\n"},
         }) {
        CAPTURE(from, to);
        const auto label = parse_backup_label(with(plain, from, to));
        REQUIRE_FALSE(label);
        CHECK(label.error().kind == FaultKind::corrupt);
    }
    CHECK_FALSE(parse_backup_label(""));
    CHECK_FALSE(parse_backup_label(with(plain, "the nightly one", std::string(longest_label, 'x'))));
}
