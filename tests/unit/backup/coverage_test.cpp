#include "backup/coverage.hpp"

#include <utility>

#include "backup/catalog_commands.hpp"
#include "backup/catalog_text.hpp"
#include "backups.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const auto size_16 = *wal::SegmentSize::from_bytes(16 << 20);

// A range of segments of a timeline, ends included.
struct Run {
    std::uint32_t timeline;
    std::uint64_t first, last;
};

ArchiveFacts facts_of(std::vector<Backup> backups, const std::vector<Run>& runs) {
    ArchiveFacts facts;
    facts.backups = std::move(backups);
    for (const auto& run : runs) {
        for (auto number = run.first; number <= run.last; ++number) {
            const auto name = name_of({Timeline{run.timeline}, number}, size_16);
            facts.wal.add(hash_directory(name) + "/" + to_string(name) + ".zst");
        }
    }
    facts.wal.finish();
    return facts;
}

// Timeline `timeline` with the segments in whose middle it left each of its ancestors.
void add_history(ArchiveFacts& facts, std::uint32_t timeline,
                 const std::vector<std::pair<std::uint32_t, std::uint64_t>>& forks) {
    wal::TimelineHistory history{.timeline = Timeline{timeline}};
    for (const auto& [ancestor, segment] : forks) {
        history.ancestors.push_back({Timeline{ancestor}, Lsn{(segment << 24) + 0x800000}, "promoted"});
    }
    facts.histories.emplace(history.timeline, history);
}

std::string from(const Coverage& coverage) { return coverage.from ? coverage.from->text() : "never"; }

std::vector<std::string> holes(const Coverage& coverage) {
    std::vector<std::string> texts;
    for (const auto& hole : coverage.holes) {
        texts.push_back(to_string(name_of(hole.first, coverage.segment_size)) + " +" + std::to_string(hole.count));
    }
    return texts;
}

using Texts = std::vector<std::string>;
const std::string a = "20261101T010000", b = "20261102T010000", c = "20261103T010000";

}  // namespace

TEST_CASE("names below wals/ are sorted into what they are") {
    WalInventory wal;
    for (const auto* below :
         {"0000000100000000/000000010000000000000003.zst", "0000000100000000/000000010000000000000002",
          "0000000100000000/000000010000000000000002.gz", "0000000100000000/000000010000000000000002.lz4",
          "0000000100000000/000000010000000000000004.partial.zst",
          "0000000100000000/000000010000000000000002.00000028.backup.zst", "00000002.history.zst", "00000003.history",
          // Foreign ones:
          "000000010000000000000005", "0000000100000001/000000010000000000000005", "0000000100000000/00000002.history",
          "0000000100000000/000000010000000000000006.rar", "0000000100000000/000000010000000000000006.zst.zst",
          "notes.txt", ""}) {
        wal.add(below);
    }
    wal.finish();
    CHECK(wal.segments().size() == 2);
    CHECK(wal.has(*wal::parse_segment_name("000000010000000000000002")));
    CHECK_FALSE(wal.has(*wal::parse_segment_name("000000010000000000000004")));
    CHECK(wal.duplicates() == std::vector{*wal::parse_segment_name("000000010000000000000002")});
    CHECK(wal.histories().size() == 2);
    CHECK(wal.histories().at(Timeline{2}) == "00000002.history.zst");
    CHECK(wal.partials() == 1);
    CHECK(wal.backup_histories() == 1);
    CHECK(wal.foreign() == 7);
    CHECK(wal.foreign_examples().size() == 7);
}

TEST_CASE("an empty archive can recover nothing") {
    const auto coverage = judge_coverage({});
    CHECK_FALSE(coverage.path);
    CHECK_FALSE(coverage.newest);
    CHECK_FALSE(coverage.whole());
    CHECK(coverage.missing_histories.empty());
}

TEST_CASE("without a hole everything since the oldest backup can be recovered") {
    const auto coverage = judge_coverage(facts_of({done(a, {1, 2, 3}), done(b, {1, 10, 10})}, {{1, 1, 300}}));
    CHECK(from(coverage) == a);
    CHECK(coverage.whole());
    CHECK(coverage.newest->number == 300);
    CHECK(holes(coverage).empty());
}

TEST_CASE("behind a hole only later backups reach now") {
    const auto [runs, begins, missing] = GENERATE(table<std::vector<Run>, std::string, Texts>({
        {{{1, 1, 4}, {1, 6, 30}}, b, {"000000010000000000000005 +1"}},
        {{{1, 2, 4}, {1, 8, 8}, {1, 10, 30}}, b, {"000000010000000000000005 +3", "000000010000000000000009 +1"}},
        {{{1, 2, 20}, {1, 22, 30}}, "never", {"000000010000000000000015 +1"}},
        {{{1, 3, 30}}, b, {"000000010000000000000002 +1"}},
        {{{1, 1, 1}, {1, 2, 30}}, a, {}},
        {{{1, 4, 9}, {1, 11, 30}}, "never", {"000000010000000000000002 +2", "00000001000000000000000A +1"}},
        {{{1, 2, 9}}, "a", {}},
    }));
    auto backups = std::vector{done(a, {1, 2, 3}), done(b, {1, 10, 10})};
    const auto coverage = judge_coverage(facts_of(backups, runs));
    CHECK(from(coverage) == (begins == "a" ? a : begins));
    CHECK(holes(coverage) == missing);
}

TEST_CASE("what can be recovered is told up to each hole, of each backup that gets there first") {
    const auto backups = std::vector{done(a, {1, 2, 3}), done(b, {1, 4, 4}), done(c, {1, 10, 10})};
    const auto report = report_of(facts_of(backups, {{1, 1, 5}, {1, 7, 20}, {1, 22, 30}}), "orders");
    CHECK_FALSE(report.whole);
    CHECK_FALSE(report.summary.recoverable_from);
    REQUIRE(report.ranges.size() == 2);
    CHECK(report.ranges[0].from == backups[0].info->end->time);
    CHECK(report.ranges[0].to == "000000010000000000000005");
    CHECK(report.ranges[0].hole == "000000010000000000000006");
    CHECK(report.ranges[1].from == backups[2].info->end->time);
    CHECK(to_string(report.ranges[1].end) == "0/15000000");
    const auto text = to_text(report);
    CAPTURE(text);
    CHECK(
        text.starts_with("recoverable from 2026-11-03 01:01:00Z to 0/15000000, whole segments to the end of "
                         "000000010000000000000014, hole at 000000010000000000000015\n"
                         "recoverable from 2026-11-01 01:01:00Z to 0/6000000, whole"));
    CHECK(to_json(report).find(R"("recoverable_to":"000000010000000000000014","recoverable_to_lsn":"0/15000000")") !=
          std::string::npos);
}

TEST_CASE("what was streamed of the segment after the last whole one counts, as in a restore") {
    auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 17}});
    facts.streamed[*wal::parse_segment_name("000000010000000000000012")] = 0x4338;
    const auto report = report_of(facts, "orders");
    CHECK(report.whole);
    CHECK(
        to_text(report) ==
        "recoverable from 2026-11-01 01:01:00Z to 0/12004338, whole segments to the end of 000000010000000000000011\n");
}

TEST_CASE("what lies before the oldest backup is no hole") {
    CHECK(holes(judge_coverage(facts_of({done(a, {1, 20, 20})}, {{1, 1, 3}, {1, 7, 7}, {1, 20, 30}}))).empty());
}

TEST_CASE("without a backup the holes are still told") {
    const auto coverage = judge_coverage(facts_of({}, {{1, 5, 6}, {1, 8, 9}}));
    CHECK_FALSE(coverage.whole());
    CHECK(holes(coverage) == Texts{"000000010000000000000007 +1"});
}

TEST_CASE("a backup whose own WAL is not whole is told, and no beginning") {
    const auto coverage = judge_coverage(facts_of({done(a, {1, 2, 5}), done(b, {1, 10, 10})}, {{1, 2, 3}, {1, 5, 30}}));
    CHECK(coverage.without_wal == std::vector{*BackupId::parse(a)});
    CHECK(from(coverage) == b);
    // One that ended behind the newest segment.
    const auto late = judge_coverage(facts_of({done(a, {1, 2, 5})}, {{1, 2, 4}}));
    CHECK(late.without_wal.size() == 1);
    CHECK_FALSE(late.whole());
}

TEST_CASE("an incremental backup whose parent is gone is told, is no beginning, and makes no holes") {
    const Run wal{1, 20, 40};
    const auto orphan = incremental(b, a, {1, 10, 11});
    const auto child = incremental(c, b, {1, 20, 21});

    const auto alone = judge_coverage(facts_of({orphan, child}, {wal}));
    CHECK(from(alone) == "never");
    CHECK_FALSE(alone.whole());
    CHECK(alone.orphaned == std::vector{orphan.id, child.id});
    CHECK(alone.holes.empty());

    const auto chain = judge_coverage(facts_of({done(a, {1, 20, 21}), incremental(b, a, {1, 22, 23})}, {wal}));
    CHECK(from(chain) == a);
    CHECK(chain.orphaned.empty());

    const auto facts = facts_of({orphan, done(c, {1, 25, 26})}, {wal});
    const auto report = report_of(facts, "orders");
    CHECK(report.whole);
    CHECK(report.findings == Texts{"backup " + b + " cannot be restored: the backup that it builds on is not there"});
    CHECK(report.summary.recoverable_from == facts.backups[1].info->end->time);
    CHECK(report_of(facts_of({done(a, {1, 20, 21}), incremental(c, b, {1, 25, 26})}, {wal}), "orders")
              .summary.last_done_id == a);
}

TEST_CASE("the way goes on along the child from the segment in which it forks") {
    auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 9}, {2, 10, 15}, {3, 15, 20}});
    add_history(facts, 2, {{1, 10}});
    add_history(facts, 3, {{1, 10}, {2, 15}});
    const auto coverage = judge_coverage(facts);
    CHECK(coverage.whole());
    CHECK(coverage.newest == wal::WalSegment{Timeline{3}, 20});
    CHECK(coverage.path->segment(9).timeline == Timeline{1});
    CHECK(coverage.path->segment(10).timeline == Timeline{2});
    CHECK(coverage.path->segment(15).timeline == Timeline{3});

    const auto summary = summary_of(facts, coverage, "orders");
    CHECK(summary.timeline == 3);
    CHECK(wal::parse_history(Timeline{3}, summary.history) == facts.histories.at(Timeline{3}));
    CHECK(summary.wal_segment_size == size_16.bytes());
    CHECK(summary.last_wal == "000000030000000000000014");
}

TEST_CASE("a hole at a fork is named on the timeline that should have it") {
    auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 8}, {2, 12, 15}});
    add_history(facts, 2, {{1, 10}});
    CHECK(holes(judge_coverage(facts)) == Texts{"000000010000000000000009 +1", "00000002000000000000000A +2"});
}

TEST_CASE("a promotion whose WAL has not come yet is no hole") {
    auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 9}});
    add_history(facts, 2, {{1, 10}});
    const auto coverage = judge_coverage(facts);
    CHECK(coverage.whole());
    CHECK(coverage.newest == wal::WalSegment{Timeline{1}, 9});
}

TEST_CASE("a backup of a branch that was left does not reach now") {
    auto facts = facts_of({done(a, {1, 12, 13})}, {{1, 1, 20}, {2, 10, 15}});
    add_history(facts, 2, {{1, 10}});
    const auto coverage = judge_coverage(facts);
    CHECK_FALSE(coverage.whole());
    CHECK(coverage.without_wal.empty());
    facts.backups.push_back(done(b, {2, 14, 14}));
    CHECK(from(judge_coverage(facts)) == b);
}

TEST_CASE("a newer timeline without its history is cut off") {
    auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 9}, {2, 10, 15}, {3, 15, 20}});
    CHECK(judge_coverage(facts).missing_histories == std::vector{Timeline{2}, Timeline{3}});
    CHECK(judge_coverage(facts).path->timeline() == Timeline{1});
    CHECK_FALSE(judge_coverage(facts).whole());
    // PostgreSQL asks for one after the other.
    add_history(facts, 3, {{1, 10}, {2, 15}});
    CHECK(judge_coverage(facts).missing_histories == std::vector{Timeline{2}});
    CHECK(judge_coverage(facts).path->timeline() == Timeline{3});
    CHECK_FALSE(judge_coverage(facts).whole());
}

TEST_CASE("histories from before the oldest backup are not missed") {
    auto facts = facts_of({done(a, {5, 2, 3})}, {{5, 2, 9}});
    CHECK(judge_coverage(facts).whole());
    CHECK(judge_coverage(facts_of({done(a, {1, 2, 3})}, {{1, 2, 9}, {0xFFFFFFFF, 1, 1}})).missing_histories.size() ==
          100);
}

TEST_CASE("a backup says how far it reaches") {
    const auto facts = facts_of({done(a, {1, 2, 3})}, {{1, 1, 9}, {1, 12, 20}});
    const auto path = WalPath::alone(Timeline{1}, size_16);
    const auto reach = reach_of(*facts.backups[0].info, path, facts.wal);
    CHECK(reach.consistent);
    CHECK(reach.last->number == 9);
    CHECK(reach.hole == Hole{{Timeline{1}, 10}, 2});
    CHECK_FALSE(reach_of(*done(b, {1, 12, 13}).info, path, facts.wal).hole);
    const auto beyond = reach_of(*done(b, {1, 21, 22}).info, path, facts.wal);
    CHECK_FALSE(beyond.consistent);
    CHECK_FALSE(beyond.last);
    CHECK(beyond.hole->first.number == 21);
}

TEST_CASE("a million names are judged in little time and memory") {
    // As many as three weeks of a busy server; ten thousand backups with them.
    ArchiveFacts facts;
    for (std::uint64_t number = 1; number <= 1'000'000; ++number) {
        const auto name = name_of({Timeline{1}, number}, size_16);
        facts.wal.add(hash_directory(name) + "/" + to_string(name) + ".zst");
    }
    facts.wal.finish();
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        const auto id = BackupId::next(moment("2026-01-01") + std::chrono::minutes(number), {});
        facts.backups.push_back(done(id.text(), {1, number * 100 + 1, number * 100 + 2}));
    }
    const auto coverage = judge_coverage(facts);
    CHECK(coverage.whole());
    CHECK(coverage.newest->number == 1'000'000);
}
