#include "backup/choice.hpp"

#include "backups.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const WallTime now = moment("2026-11-21 12:00:00");
const std::string a = "20261101T010000", b = "20261108T010000", c = "20261115T010000";

void add_wal(WalInventory& wal, std::uint32_t timeline, std::uint64_t first, std::uint64_t last) {
    for (auto number = first; number <= last; ++number) {
        const auto name = name_of({Timeline{timeline}, number}, *wal::SegmentSize::from_bytes(16 << 20));
        wal.add(hash_directory(name) + "/" + to_string(name));
    }
}

// Backups at segments 2, 10 and 20 of timeline 1, which was left in segment 25 for timeline 2, which goes on
// to 30.
ArchiveFacts example(bool with_hole = false) {
    ArchiveFacts facts;
    facts.backups = {done(a, {1, 2, 3}), done(b, {1, 10, 10}), done(c, {1, 20, 20}), failed_backup("20261116T010000"),
                     never_finished("20261121T110000")};
    facts.backups[1].info->name = "weekly";
    add_wal(facts.wal, 1, 1, with_hole ? 14 : 28);
    add_wal(facts.wal, 1, 16, 28);
    add_wal(facts.wal, 2, 25, 30);
    facts.wal.finish();
    facts.histories.emplace(Timeline{2},
                            wal::TimelineHistory{Timeline{2}, {{Timeline{1}, Lsn{(25ULL << 24) + 100}, "promoted"}}});
    return facts;
}

RecoveryTarget at_time(const std::string& time) { return {.time = time}; }
RecoveryTarget at_lsn(const std::string& lsn) { return {.lsn = lsn}; }

// The backup, or the kind and text of the fault.
std::string chosen(const ArchiveFacts& facts, const RecoveryTarget& target, const std::string& reference = "latest") {
    const auto backup = choose_backup(facts, target, reference, now);
    if (backup) return backup->id.text();
    CHECK_FALSE(backup.error().hint.empty());
    return std::string(to_string(backup.error().kind)) + ": " + backup.error().text();
}

bool says(const std::string& text, const std::string& what) {
    CAPTURE(text);
    return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("without a target the newest backup that is done is chosen") {
    CHECK(chosen(example(), {}) == c);
    CHECK(chosen(example(), {.immediate = true}) == c);
    CHECK(chosen(example(true), {}) == c);
}

TEST_CASE("a target is reached from the newest backup that ended before it") {
    const auto [target, id] = GENERATE(table<RecoveryTarget, std::string>({
        {at_time("2026-11-15 01:01:00+00"), c},
        {at_time("2026-11-15 01:00:59.999+00"), b},
        {at_time("2026-11-15 03:01:00+02"), c},
        {at_time("2026-11-08 01:01:00"), b},
        {at_time("2026-11-01 01:01:00+00"), a},
        {at_lsn("0/14000100"), c},
        {at_lsn("0/140000FF"), b},
        {at_lsn("0/1EFFFFFF"), c},
        {at_lsn("0/3000100"), a},
    }));
    CHECK(chosen(example(), target) == id);
}

TEST_CASE("only backups that ended before the target are proposed") {
    const auto too_late = chosen(example(), at_time("2026-11-10 00:00:00+00"), c);
    CHECK(says(too_late, "or choose one of " + b + " (ended"));
    CHECK(says(too_late, ", " + a + " (ended"));
    CHECK_FALSE(says(too_late, c + " (ended"));
    CHECK(says(chosen(example(), at_lsn("0/2000000"), c), "or no backup ended before the position 0/2000000"));
    CHECK(says(chosen(example(), at_time("2026-11-10 00:00:00+00"), "nightly"), "choose one of " + b));
}

TEST_CASE("a target that is not possible is refused with what is") {
    const auto facts = example();
    CHECK(says(chosen(facts, at_time("2026-11-01 01:00:59+00")), "before the end of the oldest backup, " + a));
    CHECK(
        says(chosen(facts, at_time("2026-11-01 01:00:59+00")), "possible from 2026-11-01 01:01:00+00:00 or 0/3000100"));
    CHECK(says(chosen(facts, at_lsn("0/30000FF")), "before the end of the oldest backup"));
    CHECK(says(chosen(facts, at_time("2026-11-21 12:00:01+00")), "is not over yet"));
    CHECK(says(chosen(facts, at_lsn("0/1F000001")), "beyond the archive's WAL"));
    CHECK(says(chosen(facts, at_lsn("0/1F000001")), "possible up to 0/1F000000"));
    CHECK(chosen(facts, at_lsn("0/1F000000")) == c);
    CHECK(says(chosen(facts, at_time("yesterday")), "is no time"));
    CHECK(says(chosen(facts, at_lsn("14000100")), "is no position"));
    CHECK(says(chosen({}, {}), "no backup that is done"));
}

TEST_CASE("a time at which the archive had all of its WAL already is refused, with what is possible") {
    auto facts = example();
    facts.newest_wal_at = moment("2026-11-20 10:00:00");
    CHECK(chosen(facts, at_time("2026-11-20 09:00:00+00")) == c);
    // The clocks may differ.
    CHECK(chosen(facts, at_time("2026-11-20 10:05:00+00")) == c);
    for (const auto* reference : {"latest", c.c_str()}) {
        const auto refused = chosen(facts, at_time("2026-11-20 10:05:01+00"), reference);
        CHECK(says(refused, "refused"));
        CHECK(says(refused, "beyond the archive's WAL"));
        CHECK(says(refused, "possible up to about 2026-11-20 10:00:00+00:00"));
        CHECK(says(refused, "pg_switch_wal"));
    }
    CHECK(chosen(facts, {}) == c);
    facts.newest_wal_at.reset();
    CHECK(chosen(facts, at_time("2026-11-21 11:00:00+00")) == c);
}

TEST_CASE("a piece of a segment that is not whole yet counts") {
    auto facts = example();
    facts.streamed[*wal::parse_segment_name("00000002000000000000001F")] = 0x2000;
    CHECK(chosen(facts, at_lsn("0/1F002000")) == c);
    CHECK(says(chosen(facts, at_lsn("0/1F002001")), "possible up to 0/1F002000"));
}

TEST_CASE("what is possible is possible when it is asked for, and lies at the edge of the WAL") {
    const auto edge = [](const ArchiveFacts& facts, const std::string& lsn) {
        const auto found = edge_of(facts, at_lsn(lsn), facts.backups[1]);
        return found ? to_string(name_of(found->last, found->path.segment_size())) : std::string("none");
    };
    CHECK(edge(example(), "0/1F000000") == "00000002000000000000001E");
    CHECK(edge(example(), "0/1E000001") == "00000002000000000000001E");
    CHECK(edge(example(), "0/1E000000") == "none");
    CHECK(edge(example(true), "0/F000000") == "00000001000000000000000E");
    CHECK(edge(example(true), "0/DFFFFFF") == "none");
    CHECK_FALSE(edge_of(example(), {}, example().backups[1]));
}

TEST_CASE("a backup that is named is checked") {
    const auto facts = example();
    CHECK(chosen(facts, {}, a) == a);
    CHECK(chosen(facts, {}, "weekly") == b);
    CHECK(chosen(facts, {}, "oldest") == a);
    CHECK(chosen(facts, at_time("2026-11-20 00:00:00+00"), a) == a);
    CHECK(says(chosen(facts, at_time("2026-11-05 00:00:00+00"), b), "before the end of backup " + b));
    CHECK(says(chosen(facts, at_lsn("0/4000000"), "weekly"), "choose one of " + a));
    CHECK(says(chosen(facts, {}, "20261116T010000"), "it failed: the disk is full"));
    CHECK(says(chosen(facts, {}, "20261121T110000"), "cannot be restored"));
    CHECK(says(chosen(facts, {}, "20261116T010001"), "there is no backup"));
    CHECK(says(chosen(facts, {}, "monthly"), "there is no backup"));
}

TEST_CASE("a name that two backups have chooses neither") {
    auto facts = example();
    facts.backups[2].info->name = "weekly";
    CHECK(says(chosen(facts, {}, "weekly"), "more than one backup"));
}

TEST_CASE("a hole stops what lies behind it, and nothing else") {
    const auto facts = example(true);  // 0/F000000 to 0/FFFFFFF
    CHECK(chosen(facts, at_lsn("0/EFFFFFF")) == b);
    CHECK(chosen(facts, at_lsn("0/F000000")) == b);
    CHECK(says(chosen(facts, at_lsn("0/F000001")), "the archive lacks 00000001000000000000000F"));
    CHECK(says(chosen(facts, at_lsn("0/F000001")), "possible up to 0/F000000"));
    CHECK(says(chosen(facts, {}, b), "possible up to 0/F000000: give that as target"));
    CHECK(says(chosen(facts, {}, b), "it lacks 00000001000000000000000F"));
    CHECK(chosen(facts, {.immediate = true}, b) == b);
    CHECK(chosen(facts, at_time("2026-11-09 00:00:00+00"), b) == b);
}

TEST_CASE("a backup without its own WAL is passed over, or refused when it is named") {
    auto facts = example();
    facts.backups[2] = done(c, {1, 30, 31});
    CHECK(says(chosen(facts, {.timeline = "current"}, c), "lacks WAL that makes it consistent"));
    CHECK(chosen(facts, {.timeline = "current"}) == b);
}

TEST_CASE("a transaction or a restore point could be anywhere: the backup must be named") {
    CHECK(says(chosen(example(), {.xid = "1234"}), "name the newest backup that ended before it: " + c));
    CHECK(says(chosen(example(), {.name = "before the upgrade"}), "refused"));
    CHECK(chosen(example(), {.xid = "1234"}, a) == a);
    CHECK(chosen(example(), {.name = "before the upgrade"}, "weekly") == b);
}

TEST_CASE("the timeline decides which backups are on the way") {
    auto facts = example();
    facts.backups.insert(facts.backups.begin() + 3, done("20261115T120000", {1, 26, 26}));
    facts.backups.insert(facts.backups.begin() + 4, done("20261115T130000", {2, 27, 27}));
    CHECK(chosen(facts, {}) == "20261115T130000");
    CHECK(chosen(facts, {.timeline = "2"}) == "20261115T130000");
    CHECK(chosen(facts, {.timeline = "1"}) == "20261115T120000");
    CHECK(chosen(facts, {.timeline = "current"}) == "20261115T130000");
    CHECK(chosen(facts, {.timeline = "current"}, "20261115T120000") == "20261115T120000");
    CHECK(
        says(chosen(facts, {}, "20261115T120000"), "is on timeline 1, from which there is no way to timeline latest"));
    for (const auto* unknown : {"3", "0", "newest", "", "-1", "4294967296"}) {
        CAPTURE(unknown);
        CHECK(says(chosen(facts, {.timeline = unknown}), "knows no timeline"));
    }
}

TEST_CASE("a chain that is broken is not chosen") {
    auto facts = example();
    facts.backups.insert(facts.backups.begin() + 3, incremental("20261115T120000", c, {1, 21, 21}));
    CHECK(chosen(facts, {}) == "20261115T120000");
    facts.backups.erase(facts.backups.begin() + 2);
    CHECK(chosen(facts, {}) == b);
    CHECK(says(chosen(facts, {}, "20261115T120000"), "builds on " + c + ", which is not there"));
}

TEST_CASE("volume snapshots are not ours to restore") {
    auto facts = example();
    facts.backups[2].info->snapshots = true;
    CHECK(chosen(facts, {}) == b);
    CHECK(says(chosen(facts, {}, c), "volume snapshots"));
}
