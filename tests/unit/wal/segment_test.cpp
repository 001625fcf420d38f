#include "wal/segment.hpp"

#include "support/catch.hpp"
#include "wal/archive_name.hpp"

using namespace pgbosun;
using namespace pgbosun::wal;

namespace {

SegmentSize megabytes(std::uint64_t count) { return SegmentSize::from_bytes(count << 20).value(); }

SegmentName named(std::string_view text) { return parse_segment_name(text).value(); }

}  // namespace

TEST_CASE("a segment size is a power of two from 1 MB to 1 GB") {
    for (std::uint64_t size = 1 << 20; size <= 1 << 30; size *= 2) CHECK(SegmentSize::from_bytes(size));

    const std::uint64_t bad[] = {
        0, 1, 1 << 19, (1 << 20) - 1, (1 << 20) + 1, 3 << 20, (1ULL << 30) + 1, 1ULL << 31, 1ULL << 32, ~0ULL};
    for (const auto size : bad) {
        CAPTURE(size);
        CHECK_FALSE(SegmentSize::from_bytes(size));
    }
}

TEST_CASE("a segment's name is 24 upper-case digits and nothing else") {
    const char* good[] = {"000000010000000000000001", "FFFFFFFFFFFFFFFFFFFFFFFF", "0000000A0000000B000000FF"};
    for (const std::string text : good) {
        CAPTURE(text);
        REQUIRE(parse_segment_name(text));
        CHECK(to_string(*parse_segment_name(text)) == text);
    }

    const char* bad[] = {"",
                         "00000001000000000000000",
                         "0000000100000000000000011",
                         "00000001000000000000000a",
                         "00000001000000000000000G",
                         "0000000100000000 0000001",
                         " 00000010000000000000001",
                         "000000010000000000000001\n",
                         "+00000010000000000000001",
                         "0x0000010000000000000001",
                         "000000000000000000000001",
                         "000000010000000000000001.gz"};
    for (const std::string text : bad) {
        CAPTURE(text);
        CHECK_FALSE(parse_segment_name(text));
    }
}

TEST_CASE("the segment after the last of a log begins the next log, whatever the segment size") {
    const struct {
        std::uint64_t size;
        const char *last, *following;
    } table[] = {
        {1, "000000010000000000000FFF", "000000010000000100000000"},
        {16, "0000000100000000000000FF", "000000010000000100000000"},
        {64, "00000001000000070000003F", "000000010000000800000000"},
        {1024, "000000010000000000000003", "000000010000000100000000"},
    };
    for (const auto& [size, last, following] : table) {
        CAPTURE(size, last);
        const auto segment = segment_of(named(last), megabytes(size)).value();

        CHECK(to_string(name_of(*next(segment, megabytes(size)), megabytes(size))) == following);
        CHECK_FALSE(segment_of({Timeline{1}, 0, named(last).segment + 1}, megabytes(size)));
    }
}

TEST_CASE("there is no segment after the last position") {
    const auto size = megabytes(16);

    CHECK_FALSE(next(segment_at(Timeline{1}, Lsn{~0ULL}, size), size));
    CHECK(to_string(name_of(segment_at(Timeline{1}, Lsn{~0ULL}, size), size)) == "00000001FFFFFFFF000000FF");
}

TEST_CASE("a position and its segment agree") {
    const struct {
        const char* position;
        std::uint64_t size;
        const char* name;
    } table[] = {
        {"0/0", 16, "000000020000000000000000"},           {"0/FFFFFF", 16, "000000020000000000000000"},
        {"0/1000000", 16, "000000020000000000000001"},     {"1/0", 16, "000000020000000100000000"},
        {"16/B374D848", 16, "0000000200000016000000B3"},   {"16/B374D848", 1, "000000020000001600000B37"},
        {"16/B374D848", 1024, "000000020000001600000002"},
    };
    for (const auto& [position, size, name] : table) {
        CAPTURE(position, size);
        const auto segment = segment_at(Timeline{2}, parse_lsn(position).value(), megabytes(size));

        CHECK(to_string(name_of(segment, megabytes(size))) == name);
        CHECK(start_of(segment, megabytes(size)).value <= parse_lsn(position)->value);
        CHECK(segment_of(named(name), megabytes(size)) == segment);
    }
}

TEST_CASE("the hash directory is the first sixteen digits") {
    CHECK(hash_directory(named("0000000A0000000B000000FF")) == "0000000A0000000B");
}

TEST_CASE("PostgreSQL archives four kinds of names") {
    const auto name = named("000000010000000000000003");
    const std::pair<const char*, ArchiveName> good[] = {
        {"000000010000000000000003", Segment{name}},
        {"000000010000000000000003.partial", PartialSegment{name}},
        {"00000002.history", HistoryFile{Timeline{2}}},
        {"000000010000000000000003.00000028.backup", BackupHistory{name, 0x28}},
    };
    for (const auto& [text, value] : good) {
        CAPTURE(text);
        REQUIRE(parse_archive_name(text));
        CHECK(*parse_archive_name(text) == value);
        CHECK(to_string(value) == text);
    }

    const char* bad[] = {"",
                         "00000000.history",
                         "00000002.History",
                         "0000002.history",
                         "000000002.history",
                         "00000002.history.zst",
                         "0000000g.history",
                         "000000010000000000000003.partial.zst",
                         "000000010000000000000003.Partial",
                         "000000010000000000000003.",
                         "000000010000000000000003.28.backup",
                         "000000010000000000000003.00000028.backups",
                         "000000010000000000000003.0000002a.backup",
                         "000000010000000000000003_00000028.backup",
                         "000000010000000000000003/../x",
                         "../000000010000000000000003",
                         "RECOVERYXLOG",
                         "archive_status"};
    for (const char* text : bad) {
        CAPTURE(text);
        CHECK_FALSE(parse_archive_name(text));
    }
    CHECK_FALSE(parse_archive_name(std::string_view("000000010000000000000003\0", 25)));
}
