#include "wal/archive_marks.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::wal;

namespace {

using Names = std::vector<std::string>;

const SegmentSize size = SegmentSize::from_bytes(16 << 20).value();

// Timeline 1 was left within its segment 3, timeline 2 exactly at the end of its segment 4.
const TimelineHistory third{Timeline{3}, {{Timeline{1}, Lsn{0x3000110}, ""}, {Timeline{2}, Lsn{0x5000000}, ""}}};

Names found(const Names& names, const TimelineHistory& history, Lsn end) {
    return taken_on_trust(names, {history, end}, size);
}

std::string segment(std::uint32_t timeline, std::uint32_t number) {
    return to_string(SegmentName{Timeline{timeline}, 0, number});
}

}  // namespace

TEST_CASE("a segment is taken on trust where its last byte was written on the timeline of its name") {
    struct Row {
        std::uint32_t timeline, number;
        bool ours;
        const char* why;
    };
    const Row table[] = {
        {1, 2, true, "wholly before the fork"},
        {1, 3, false, "the timeline was left within it"},
        {1, 4, false, "after the fork: of the branch that was lost"},
        {2, 2, false, "before timeline 2 began"},
        {2, 3, true, "timeline 2 began within it and wrote its end"},
        {2, 4, true, "ends where timeline 2 was left"},
        {2, 5, false, "after the fork"},
        {3, 4, false, "before timeline 3 began"},
        {3, 5, true, "the current timeline's, whole"},
        {3, 6, true, "ends where the WAL ends"},
        {3, 7, false, "the WAL ends within it"},
        {3, 8, false, "beyond the end"},
        {4, 5, false, "of a timeline that is none of this history"},
    };
    for (const auto& row : table) {
        const auto name = segment(row.timeline, row.number);
        CAPTURE(name, row.why);

        CHECK(found({name + ".done"}, third, Lsn{0x7000010}).size() == (row.ours ? 1 : 0));
    }
}

TEST_CASE("a segment of an older timeline that is not whole and has no mark is never to be archived") {
    const Names in_pg_wal = {segment(1, 2), segment(1, 3), segment(1, 4), segment(2, 2),      segment(2, 4),
                             segment(2, 5), segment(3, 7), segment(4, 7), "00000003.history", "archive_status"};
    const Names marks = {segment(1, 4) + ".ready", segment(2, 2) + ".done"};
    const Reach reach{third, Lsn{0x7000010}};

    CHECK(never_whole(in_pg_wal, {}, reach, size) == Names{segment(1, 3), segment(1, 4), segment(2, 2), segment(2, 5)});
    CHECK(never_whole(in_pg_wal, marks, reach, size) == Names{segment(1, 3), segment(2, 5)});
}

TEST_CASE("a whole segment without a mark is to be archived, up to the very end of the WAL") {
    const Names in_pg_wal = {segment(1, 2), segment(1, 3), segment(1, 4), segment(2, 4),
                             segment(3, 6), segment(3, 7), segment(4, 6), "00000003.history"};
    const Names marks = {segment(1, 2) + ".done"};

    CHECK(whole_without_mark(in_pg_wal, marks, {third, Lsn{0x7000000}}, size) == Names{segment(2, 4), segment(3, 6)});
    CHECK(whole_without_mark(in_pg_wal, {}, {third, Lsn{0x6ffffff}}, size) == Names{segment(1, 2), segment(2, 4)});
}

TEST_CASE("two forks within one segment leave it to the last of them") {
    const TimelineHistory history{Timeline{3}, {{Timeline{1}, Lsn{0x3000110}, ""}, {Timeline{2}, Lsn{0x3000220}, ""}}};

    CHECK(found({segment(1, 3) + ".done", segment(2, 3) + ".done", segment(3, 3) + ".done"}, history, Lsn{0x4000000}) ==
          Names{segment(3, 3)});
}

TEST_CASE("a segment of which one byte is missing is not whole") {
    const TimelineHistory first{Timeline{1}, {}};

    CHECK(found({segment(1, 3) + ".done"}, first, Lsn{0x4000000}) == Names{segment(1, 3)});
    CHECK(found({segment(1, 3) + ".done"}, first, Lsn{0x3FFFFFF}).empty());
    CHECK(found({segment(1, 3) + ".done"}, first, Lsn{0}).empty());
}

TEST_CASE("the histories of the timelines that it went through are taken on trust, no others") {
    CHECK(found({"00000001.history.done", "00000002.history.done", "00000003.history.done", "00000004.history.done"},
                third, Lsn{0}) == Names{"00000001.history", "00000002.history", "00000003.history"});
}

TEST_CASE("what else lies in archive_status is left alone") {
    const auto name = segment(1, 1);

    CHECK(found({name + ".ready", name, name + ".partial.done", name + ".00000028.backup.done", name + ".done.tmp",
                 ".done", "00000001000000000000000g.done", "0000000100000000000001FF.done",
                 "000000010000000000000100.done"},
                third, Lsn{0xFF'00000000})
              .empty());
}

TEST_CASE("with segments of another size the same name lies elsewhere") {
    const auto small = SegmentSize::from_bytes(1 << 20).value();
    const auto name = segment(1, 0x2F);

    CHECK(taken_on_trust(Names{name + ".done"}, {third, Lsn{0x7000000}}, small) == Names{name});
    CHECK(taken_on_trust(Names{segment(1, 0x30) + ".done"}, {third, Lsn{0x7000000}}, small).empty());
}

TEST_CASE("what is still to archive is what is marked so, whatever its kind, in order") {
    const auto name = segment(2, 7);

    CHECK(still_to_archive(Names{name + ".ready", "00000002.history.ready", segment(1, 6) + ".partial.ready",
                                 segment(2, 6) + ".done", "nonsense.ready"}) ==
          Names{segment(1, 6) + ".partial", "00000002.history", name});
}

TEST_CASE("a former primary may archive only what is of an older timeline than the primary's") {
    CHECK(is_of_older_timeline(segment(1, 9), Timeline{2}));
    CHECK(is_of_older_timeline("00000001.history", Timeline{2}));
    CHECK(is_of_older_timeline(segment(1, 9) + ".partial", Timeline{2}));
    CHECK_FALSE(is_of_older_timeline(segment(2, 9), Timeline{2}));
    CHECK_FALSE(is_of_older_timeline("00000003.history", Timeline{2}));
    CHECK_FALSE(is_of_older_timeline("nonsense", Timeline{2}));
}
