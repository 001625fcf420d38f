#include "backup/retention.hpp"

#include <algorithm>
#include <utility>

#include "backups.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const WallTime now = moment("2026-11-21 12:00:00");
const RetentionPolicy window_of_7_days = RecoveryWindow{std::chrono::days(7)};

std::vector<Reason> reasons(const std::vector<Backup>& backups, const std::optional<RetentionPolicy>& policy) {
    std::vector<Reason> reasons;
    for (const auto& verdict : plan_expiry(backups, policy, now).backups) reasons.push_back(verdict.reason);
    return reasons;
}

std::string before(const ExpiryPlan& plan) { return plan.wal ? to_string(plan.wal->before) : std::string(); }

wal::ArchiveName name(const std::string& text) { return *wal::parse_archive_name(text); }

using enum Reason;
using Reasons = std::vector<Reason>;

}  // namespace

TEST_CASE("retention policies are read") {
    const auto [text, policy] = GENERATE(table<std::string, RetentionPolicy>({
        {"REDUNDANCY 1", Redundancy{1}},
        {"REDUNDANCY 9999", Redundancy{9999}},
        {" REDUNDANCY  3 ", Redundancy{3}},
        {"RECOVERY WINDOW OF 1 DAY", RecoveryWindow{std::chrono::days(1)}},
        {"RECOVERY WINDOW OF 30 DAYS", RecoveryWindow{std::chrono::days(30)}},
        {"RECOVERY WINDOW OF 2 WEEKS", RecoveryWindow{std::chrono::days(14)}},
        {"RECOVERY WINDOW OF 3 MONTHS", RecoveryWindow{std::chrono::days(93)}},
    }));
    CAPTURE(text);
    CHECK(parse_retention(text) == policy);
}

TEST_CASE("what is nearly a retention policy is refused with a hint") {
    for (const auto* text :
         {"", "REDUNDANCY", "REDUNDANCY 0", "REDUNDANCY -1", "REDUNDANCY 10000", "REDUNDANCY 3x", "REDUNDANCY 3 DAYS",
          "redundancy 3", "RECOVERY WINDOW OF 30", "RECOVERY WINDOW 30 DAYS", "RECOVERY WINDOW OF 0 DAYS",
          "RECOVERY WINDOW OF 30 YEARS", "RECOVERY WINDOW OF 30 DAYSS", "30d", "RECOVERY WINDOW OF DAYS 30"}) {
        CAPTURE(text);
        const auto policy = parse_retention(text);
        REQUIRE_FALSE(policy);
        CHECK(policy.error().kind == FaultKind::refused);
        CHECK_FALSE(policy.error().hint.empty());
    }
}

TEST_CASE("redundancy keeps the newest full backups that are done") {
    const std::vector backups{done("20261101T010000"), done("20261108T010000"), failed_backup("20261109T010000"),
                              done("20261115T010000"), never_finished("20261116T010000")};
    CHECK(reasons(backups, Redundancy{1}) == Reasons{obsolete, obsolete, failed, wanted, Reason::under_way});
    CHECK(reasons(backups, Redundancy{2}) == Reasons{obsolete, wanted, failed, wanted, Reason::under_way});
    CHECK(reasons(backups, Redundancy{3}) == Reasons{wanted, wanted, failed, wanted, Reason::under_way});
    CHECK(reasons(backups, Redundancy{9}) == Reasons{wanted, wanted, failed, wanted, Reason::under_way});
}

TEST_CASE("a recovery window keeps what is in it, and the last one that ended before it") {
    // The window begins at 2026-11-14 12:00.
    const std::vector backups{done("20261101T010000"), done("20261108T010000"), done("20261114T115900"),
                              done("20261114T120000"), done("20261121T010000")};
    CHECK(reasons(backups, window_of_7_days) == Reasons{obsolete, obsolete, before_window, wanted, wanted});
    CHECK(reasons({backups[0], backups[1]}, window_of_7_days) == Reasons{obsolete, before_window});
    CHECK(reasons({backups[4]}, window_of_7_days) == Reasons{wanted});
}

TEST_CASE("without a policy what is done stays, and what never will be goes") {
    const std::vector backups{done("20250101T010000"), failed_backup("20250102T010000"),
                              never_finished("20250103T010000"), done("20250104T010000")};
    CHECK(reasons(backups, std::nullopt) == Reasons{no_policy, failed, unfinished, no_policy});
    const auto plan = plan_expiry(backups, std::nullopt, now);
    CHECK_FALSE(plan.wal);
    CHECK_FALSE(plan.wal_stays_because.empty());
}

TEST_CASE("nothing is planned for an empty archive") {
    const auto plan = plan_expiry({}, Redundancy{1}, now);
    CHECK(plan.backups.empty());
    CHECK_FALSE(plan.wal);
}

TEST_CASE("what is not finished may be under way for a day, and the newest run for as long as it takes") {
    CHECK(reasons({never_finished("20261120T120001"), done("20261121T110000")}, Redundancy{1}) ==
          Reasons{Reason::under_way, wanted});
    CHECK(reasons({never_finished("20261120T120000"), done("20261121T110000")}, Redundancy{1}) ==
          Reasons{unfinished, wanted});
    CHECK(reasons({never_finished("20261001T120000")}, Redundancy{1}) == Reasons{Reason::under_way});
    // A large one takes days, in which its tars come.
    auto large = never_finished("20261118T120000");
    large.changed_at = moment("2026-11-20 12:00:01");
    CHECK(reasons({large, done("20261121T110000")}, Redundancy{1}) == Reasons{Reason::under_way, wanted});
    large.changed_at = moment("2026-11-20 12:00:00");
    CHECK(reasons({large, done("20261121T110000")}, Redundancy{1}) == Reasons{unfinished, wanted});
}

TEST_CASE("a failed backup is shown while it is the newest and a day old, or goes") {
    CHECK(reasons({failed_backup("20261121T010000")}, Redundancy{1}) == Reasons{last_failure});
    CHECK(reasons({failed_backup("20261121T010000"), failed_backup("20261121T020000")}, Redundancy{1}) ==
          Reasons{Reason::failed, last_failure});
    CHECK(reasons({failed_backup("20261119T010000")}, Redundancy{1}) == Reasons{Reason::failed});
    CHECK(reasons({failed_backup("20261121T010000", std::string(being_deleted))}, Redundancy{1}) ==
          Reasons{Reason::failed});
}

TEST_CASE("what is marked with keep is never removed, and counts") {
    const std::vector backups{with_keep(done("20261101T010000"), Keep::full), done("20261108T010000"),
                              with_keep(done("20261115T010000"), Keep::standalone)};
    CHECK(reasons(backups, Redundancy{1}) == Reasons{kept, obsolete, kept});
    CHECK(reasons(backups, Redundancy{2}) == Reasons{kept, wanted, kept});
    // A standalone one is no place to begin a recovery to the window's begin.
    const std::vector old{done("20261101T010000"), with_keep(done("20261108T010000"), Keep::standalone),
                          done("20261121T010000")};
    CHECK(reasons(old, window_of_7_days) == Reasons{before_window, kept, wanted});
}

TEST_CASE("a chain is kept or removed as a whole") {
    const std::vector backups{done("20261101T010000"), incremental("20261102T010000", "20261101T010000"),
                              incremental("20261103T010000", "20261102T010000"), done("20261108T010000"),
                              incremental("20261109T010000", "20261108T010000")};
    CHECK(reasons(backups, Redundancy{1}) == Reasons{obsolete, obsolete, obsolete, wanted, wanted});
    CHECK(reasons(backups, Redundancy{2}) == Reasons{wanted, wanted, wanted, wanted, wanted});
    // The window begins at 2026-11-02 12:00: recovery to it starts from the first incremental one.
    CHECK(reasons(backups, RecoveryWindow{std::chrono::days(19)}) ==
          Reasons{needed, before_window, wanted, wanted, wanted});
    auto with_kept = backups;
    with_kept[2].keep = Keep::full;
    CHECK(reasons(with_kept, Redundancy{1}) == Reasons{needed, needed, kept, wanted, wanted});
}

TEST_CASE("an incremental backup whose chain is broken goes, unless a person may mend it") {
    const auto child = incremental("20261103T010000", "20261102T010000");
    const auto newest = done("20261120T010000");
    CHECK(reasons({child, newest}, Redundancy{1}) == Reasons{orphaned, wanted});
    CHECK(reasons({failed_backup("20261102T010000"), child, newest}, Redundancy{1}) ==
          Reasons{Reason::failed, orphaned, wanted});
    CHECK(reasons({damaged_backup("20261102T010000"), child, newest}, Redundancy{1}) ==
          Reasons{Reason::damaged, Reason::damaged, wanted});
    CHECK(reasons({incremental("20261103T010000", "20261103T010000"), newest}, Redundancy{1}) ==
          Reasons{orphaned, wanted});
    CHECK(reasons({incremental("20261103T010000", "20261120T010000"), newest}, Redundancy{1}) ==
          Reasons{orphaned, wanted});
}

TEST_CASE("what an incremental backup under way may build on stays") {
    auto building = never_finished("20261121T110000");
    building.kind = Kind::incremental;
    const std::vector backups{done("20261118T010000"), done("20261119T010000"), building, done("20261121T113000")};
    CHECK(reasons(backups, Redundancy{1}) == Reasons{obsolete, needed, Reason::under_way, wanted});
}

TEST_CASE("volume snapshots are neither counted nor removed") {
    auto snapshots = done("20261120T010000");
    snapshots.info->snapshots = true;
    CHECK(reasons({done("20261101T010000"), done("20261102T010000"), snapshots}, Redundancy{1}) ==
          Reasons{obsolete, wanted, elsewhere});
}

TEST_CASE("what ended behind the fork of the newest timeline fulfils no policy, and expires as ever") {
    // The successor forked from timeline 1 within segment 20.
    const Histories histories{forked(2, 1, 20)};
    const auto of = [&](const std::vector<Backup>& backups, const RetentionPolicy& policy) {
        Reasons reasons;
        for (const auto& verdict : plan_expiry(backups, policy, now, histories).backups) {
            reasons.push_back(verdict.reason);
        }
        return reasons;
    };
    const auto older = done("20261101T010000", {1, 2, 3}), before_fork = done("20261108T010000", {1, 10, 11}),
               behind = done("20261112T010000", {1, 19, 21}), after = done("20261120T010000", {2, 30, 30});

    CHECK(of({older, before_fork, behind}, Redundancy{1}) == Reasons{obsolete, way_to_newest, wanted});
    CHECK(of({older, before_fork, behind}, Redundancy{2}) == Reasons{way_to_newest, wanted, wanted});
    CHECK(of({older, before_fork, behind, after}, Redundancy{1}) == Reasons{obsolete, obsolete, obsolete, wanted});
    CHECK(of({older, before_fork, behind, after}, Redundancy{2}) == Reasons{obsolete, way_to_newest, wanted, wanted});
    // The window begins at 2026-11-14 12:00.
    CHECK(of({older, before_fork, behind}, window_of_7_days) == Reasons{obsolete, way_to_newest, before_window});
    CHECK(of({older, before_fork, behind, after}, window_of_7_days) ==
          Reasons{obsolete, way_to_newest, before_window, wanted});
    CHECK(of({older, before_fork, behind}, RecoveryWindow{std::chrono::days(10)}) ==
          Reasons{obsolete, before_window, wanted});

    // No WAL that recovery to the newest timeline needs goes.
    const auto wal = *plan_expiry({older, before_fork, behind}, Redundancy{1}, now, histories).wal;
    CHECK_FALSE(wal.may_go(name("00000001000000000000000A")));
    CHECK(wal.may_go(name("000000010000000000000009")));

    SECTION("of an archive whose newest history is not known all are alike") {
        const auto newest = done("20261120T010000", {3, 30, 30});
        CHECK(of({before_fork, behind, newest}, Redundancy{2}) == Reasons{obsolete, wanted, wanted});
    }
    SECTION("when none leads there, nothing is kept for it") {
        CHECK(of({done("20261110T010000", {1, 19, 21}), behind}, Redundancy{1}) == Reasons{obsolete, wanted});
        CHECK(of({done("20261110T010000", {1, 19, 21}), behind}, window_of_7_days) == Reasons{obsolete, before_window});
    }
}

TEST_CASE("WAL goes below the first backup that stays, on its timeline") {
    const std::vector backups{done("20261101T010000", {1, 2, 3}), done("20261108T010000", {1, 10, 11}),
                              done("20261115T010000", {1, 20, 20})};
    CHECK(before(plan_expiry(backups, Redundancy{1}, now)) == "000000010000000000000014");
    CHECK(before(plan_expiry(backups, Redundancy{2}, now)) == "00000001000000000000000A");
    const auto wal = *plan_expiry(backups, Redundancy{1}, now).wal;
    for (const auto* goes : {"000000010000000000000013", "000000010000000000000001", "000000010000000000000013.partial",
                             "000000010000000000000013.00000028.backup"}) {
        CAPTURE(goes);
        CHECK(wal.may_go(name(goes)));
    }
    for (const auto* stays : {"000000010000000000000014", "000000010000000100000000",
                              "000000010000000000000014.partial", "000000010000000000000014.00000028.backup",
                              "000000020000000000000001", "00000001.history", "00000002.history"}) {
        CAPTURE(stays);
        CHECK_FALSE(wal.may_go(name(stays)));
    }
}

TEST_CASE("what makes a standalone backup consistent stays, and nothing else for its sake") {
    const std::vector backups{with_keep(done("20261101T010000", {1, 2, 3}), Keep::standalone),
                              done("20261115T010000", {1, 20, 20})};
    const auto wal = *plan_expiry(backups, Redundancy{1}, now).wal;
    CHECK(wal.may_go(name("000000010000000000000001")));
    CHECK_FALSE(wal.may_go(name("000000010000000000000002")));
    CHECK_FALSE(wal.may_go(name("000000010000000000000003")));
    CHECK(wal.may_go(name("000000010000000000000004")));
    // With nothing else that stays there is no place below which it is not needed.
    CHECK_FALSE(plan_expiry({backups[0]}, Redundancy{1}, now).wal);
}

TEST_CASE("WAL that another timeline's backup may go on along stays") {
    // The first that stays is on timeline 2; a later one of timeline 1 forked before.
    const std::vector backups{done("20261101T010000", {2, 30, 30}), done("20261102T010000", {1, 10, 10})};
    const auto wal = *plan_expiry(backups, Redundancy{2}, now).wal;
    CHECK(to_string(wal.before) == "00000002000000000000000A");
    // An older timeline's WAL is not asked about.
    const std::vector usual{done("20261101T010000", {2, 30, 30}), done("20261102T010000", {3, 40, 40})};
    CHECK(before(plan_expiry(usual, Redundancy{2}, now)) == "00000002000000000000001E");
    CHECK(before(plan_expiry(usual, Redundancy{1}, now)) == "000000030000000000000028");
}

TEST_CASE("WAL of older timelines goes whole when no backup that stays began on one of them, or before it") {
    const std::vector backups{done("20261101T010000", {1, 10, 10}), done("20261102T010000", {2, 30, 30}),
                              done("20261103T010000", {4, 20, 20})};

    const auto newest = *plan_expiry(backups, Redundancy{1}, now).wal;
    for (const auto* goes : {"0000000100000000000000FF", "000000020000000000000064", "000000030000000000000064.partial",
                             "000000040000000000000013"}) {
        CAPTURE(goes);
        CHECK(newest.may_go(name(goes)));
    }
    for (const auto* stays : {"000000040000000000000014", "000000050000000000000001", "00000002.history"}) {
        CAPTURE(stays);
        CHECK_FALSE(newest.may_go(name(stays)));
    }

    // The one on timeline 2 may go on along any later one, from its own place in the log on.
    const auto two = *plan_expiry(backups, Redundancy{2}, now).wal;
    CHECK(two.may_go(name("000000010000000000000064")));
    CHECK(two.may_go(name("00000003000000000000001D")));
    CHECK_FALSE(two.may_go(name("00000003000000000000001E")));
    CHECK(two.may_go(name("000000040000000000000013")));
    CHECK_FALSE(two.may_go(name("000000040000000000000014")));
}

TEST_CASE("while a backup is under way WAL goes on the timeline of the one before it alone") {
    const std::vector backups{done("20261101T010000", {1, 10, 10}), done("20261119T010000", {2, 30, 30}),
                              never_finished("20261121T110000")};
    const auto wal = *plan_expiry(backups, Redundancy{1}, now).wal;
    CHECK(wal.may_go(name("00000002000000000000001D")));
    for (const auto* stays : {"00000002000000000000001E", "000000010000000000000001", "000000030000000000000001"}) {
        CAPTURE(stays);
        CHECK_FALSE(wal.may_go(name(stays)));
    }
}

TEST_CASE("no WAL goes while nobody knows what is needed") {
    CHECK_FALSE(
        plan_expiry({damaged_backup("20261101T010000"), done("20261115T010000", {1, 20, 20})}, Redundancy{1}, now).wal);
    CHECK_FALSE(plan_expiry({failed_backup("20261101T010000")}, Redundancy{1}, now).wal);
    CHECK_FALSE(
        plan_expiry({never_finished("20261121T110000"), done("20261121T113000", {1, 20, 20})}, Redundancy{1}, now).wal);
}

TEST_CASE("WAL of a backup under way stays: what was done before it began earlier") {
    const std::vector backups{done("20261101T010000", {1, 5, 5}), done("20261119T010000", {1, 10, 10}),
                              never_finished("20261121T110000"), done("20261121T113000", {1, 20, 20})};
    const auto plan = plan_expiry(backups, Redundancy{1}, now);
    CHECK(plan.backups[1].reason == obsolete);
    CHECK(before(plan) == "00000001000000000000000A");
}
