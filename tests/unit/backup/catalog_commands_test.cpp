#include "backup/catalog_commands.hpp"

#include <algorithm>
#include <atomic>

#include "backup/catalog_text.hpp"
#include "backups.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const WallTime now = moment("2026-11-21 12:00:00");
const std::string a = "20261101T010000", b = "20261108T010000", c = "20261115T010000";

void plant(FakeObjectStore& store, const Backup& backup) {
    store.plant(backup_prefix("orders", backup.id, backup.kind) + "data.tar.zst", std::string(1000, 'x'));
    if (backup.info) store.plant(backup_info_key("orders", backup.id, backup.kind), render(*backup.info));
    if (backup.claim) store.plant(claim_key("orders", backup.id, backup.kind), render(*backup.claim));
    if (backup.keep != Keep::none) store.plant(keep_key("orders", backup.id, backup.kind), "full");
}

void plant_wal(FakeObjectStore& store, std::uint64_t first, std::uint64_t last) {
    for (auto number = first; number <= last; ++number) {
        const auto name = name_of({Timeline{1}, number}, *wal::SegmentSize::from_bytes(16 << 20));
        store.plant("orders/wals/" + hash_directory(name) + "/" + to_string(name) + ".zst", "x");
    }
}

// Three backups, of which the first failed half way, and the WAL since the first.
void fill(FakeObjectStore& store) {
    plant(store, done(a, {1, 2, 3}));
    plant(store, done(b, {1, 10, 10}));
    plant(store, failed_backup("20261109T010000"));
    plant(store, never_finished("20261110T010000"));
    plant(store, done(c, {1, 20, 20}));
    plant_wal(store, 1, 30);
    store.plant("orders/wals/00000002.history.zst", "no history");
    store.plant("orders/pgbosun/identity.json", "{}");
}

std::size_t count(const FakeObjectStore& store, const std::string& prefix) {
    const auto objects = store.objects();
    return static_cast<std::size_t>(
        std::ranges::count_if(objects, [&](const auto& it) { return it.first.starts_with(prefix); }));
}

std::vector<std::string> ids(FakeObjectStore& store) {
    Catalog catalog(store, "orders");
    std::vector<std::string> ids;
    const auto entries = list_backups(catalog);
    REQUIRE(entries);
    for (const auto& entry : *entries) ids.push_back(entry.id);
    return ids;
}

}  // namespace

TEST_CASE("expire removes what the policy has no use for, and its WAL") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    const auto before = store.objects().size();
    const auto dry = expire(catalog, Redundancy{2}, now, DryRun::yes);
    REQUIRE(dry);
    CHECK(store.objects().size() == before);
    CHECK(dry->wal_files == 9);
    const auto expired = expire(catalog, Redundancy{2}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(expired->wal_files == 9);
    CHECK(ids(store) == std::vector{b, c});
    CHECK(count(store, "orders/wals/") == 22);
    CHECK(count(store, "orders/pgbosun/") == 1);
    CHECK(to_text(*dry).find("would go: those before 00000001000000000000000A") != std::string::npos);
    CHECK(to_json(*expired).find(R"("wal_before":"00000001000000000000000A","wal_files":9)") != std::string::npos);
    const auto again = expire(catalog, Redundancy{2}, now, DryRun::no);
    REQUIRE(again);
    CHECK(again->wal_files == 0);
}

TEST_CASE("expire keeps what leads to the newest timeline, which the archive's histories tell") {
    FakeObjectStore store;
    plant(store, done(a, {1, 2, 3}));
    plant(store, done(b, {1, 10, 11}));
    plant(store, done(c, {1, 19, 21}));
    plant_wal(store, 1, 22);
    store.plant("orders/wals/00000002.history", wal::render_history(forked(2, 1, 20).second));
    Catalog catalog(store, "orders");

    const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(ids(store) == std::vector{b, c});
    CHECK(expired->wal_files == 9);
    CHECK(to_text(*expired).find("newer ones do not lead to the newest timeline") != std::string::npos);
}

TEST_CASE("an expire that is killed at any step leaves nothing that the next one does not remove") {
    FakeObjectStore whole;
    fill(whole);
    Catalog sane(whole, "orders");
    REQUIRE(expire(sane, Redundancy{1}, now, DryRun::no));
    for (int survived = 0;; ++survived) {
        CAPTURE(survived);
        FakeObjectStore store;
        fill(store);
        Catalog catalog(store, "orders");
        std::atomic<int> calls = 0;
        store.before_each([&](StoreCall call, const std::string&) -> Result<> {
            const bool changes = call == StoreCall::put || call == StoreCall::put_if_absent ||
                                 call == StoreCall::remove || call == StoreCall::abort_unfinished;
            if (changes && calls++ >= survived) return fail(FaultKind::cancelled, "killed (told by the test)");
            return {};
        });
        const bool at_once = expire(catalog, Redundancy{1}, now, DryRun::no).has_value();
        store.before_each({});
        const auto left = catalog.list();
        REQUIRE(left);
        for (const auto& backup : *left) {
            if (backup.done()) CHECK(store.object(backup_prefix("orders", backup.id) + "data.tar.zst"));
        }
        REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no));
        CHECK(ids(store) == std::vector{c});
        CHECK(store.objects().size() == whole.objects().size());
        if (at_once) break;
    }
}

TEST_CASE("a store that is away expires nothing") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    const auto before = store.objects().size();
    store.fail_next(StoreCall::get);
    CHECK(expire(catalog, Redundancy{1}, now, DryRun::no).error().kind == FaultKind::unavailable);
    CHECK(store.objects().size() == before);
}

TEST_CASE("what a running incremental backup builds on is not deleted, and stays when others expire") {
    const std::string running = "20261121T115500";
    FakeObjectStore store;
    fill(store);
    plant(store, under_way(running, b));
    Catalog catalog(store, "orders");

    const auto deleted = delete_backup(catalog, b, Force::yes, now);
    REQUIRE_FALSE(deleted);
    CHECK(deleted.error().what.find("is needed by " + running) != std::string::npos);
    REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no));
    CHECK(ids(store) == std::vector{b, c, running});

    // Killed a day ago, it needs nothing any more.
    const auto later = now + std::chrono::hours(48);
    CHECK(delete_backup(catalog, b, Force::no, later));
}

TEST_CASE("a backup that this instance left unfinished goes at once, another's after a day") {
    const std::string killed = "20261121T115500", running = "20261121T115600";
    FakeObjectStore store;
    fill(store);
    plant(store, under_way(killed, c));
    plant(store, under_way(running, c, "pg-2"));
    Catalog catalog(store, "orders");

    REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no, {"pg-1", [] { return false; }}));
    CHECK(ids(store) == std::vector{c, killed, running});
    REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no, {"pg-1", [] { return true; }}));
    CHECK(ids(store) == std::vector{c, running});
}

TEST_CASE("a backup that came to its end while the catalog was read is not taken for a dead one") {
    const std::string running = "20261121T115500";
    FakeObjectStore store;
    fill(store);
    plant(store, under_way(running, c));
    Catalog catalog(store, "orders");
    const auto ends = [&] {
        plant(store, incremental(running, c, {1, 25, 25}));
        return true;
    };

    REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no, {"pg-1", ends}));
    CHECK(ids(store) == std::vector{c, running});
    CHECK(store.object(backup_prefix("orders", *BackupId::parse(running), Kind::incremental) + "data.tar.zst"));
}

TEST_CASE("what barman-cloud-backup-delete leaves of a backup goes with the next expire, and holds no WAL") {
    FakeObjectStore store;
    fill(store);
    const std::string left = "20261121T115500";
    const auto prefix = backup_prefix("orders", *BackupId::parse(left), Kind::full);
    store.plant(prefix + "backup_manifest.zst", "x");
    Catalog catalog(store, "orders");
    const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(ids(store) == std::vector{c});
    CHECK(expired->wal_files == 19);

    SECTION("a backup under way has its claim, Barman's its tars") {
        store.plant(prefix + "backup_manifest.zst", "x");
        store.plant(claim_key("orders", *BackupId::parse(left), Kind::full), render(BackupClaim{"pg-2", {}}));
        store.plant("orders/base/20261121T115600/data.tar", "x");
        store.plant("orders/base/20261121T115600/backup_manifest.zst", "x");
        REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no));
        CHECK(ids(store) == std::vector{c, left, std::string("20261121T115600")});
    }
}

TEST_CASE("an expire tells in one line all that went") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    CHECK(told(*expire(catalog, Redundancy{1}, now, DryRun::yes)) ==
          "4 backups (20261101T010000, 20261108T010000, 20261109T010000, 20261110T010000) and 19 WAL files would go");
    CHECK(told(*expire(catalog, Redundancy{1}, now, DryRun::no)).ends_with(" and 19 WAL files removed"));
    CHECK(told(*expire(catalog, Redundancy{1}, now, DryRun::no)) == "0 backups and 0 WAL files removed");
}

TEST_CASE("a backup that was killed is closed as failed, with why") {
    const std::string killed = "20261121T115500", other = "20261121T115600";
    FakeObjectStore store;
    fill(store);
    plant(store, under_way(killed, c));
    plant(store, under_way(other, c, "pg-2"));
    Catalog catalog(store, "orders");
    const OwnBackups own{"pg-1", [] { return true; }};

    const auto closed = close_backup(catalog, killed, "it ended with signal 9", own);
    REQUIRE(closed);
    CHECK(closed->status == "failed");
    CHECK(closed->error == "it ended with signal 9");
    // When it failed is not when it began.
    const auto summary = summarize(catalog);
    REQUIRE(summary);
    CHECK(summary->last_failed_id == killed);
    REQUIRE(summary->last_failed_at);
    CHECK(std::chrono::abs(*summary->last_failed_at - std::chrono::system_clock::now()) < std::chrono::hours(1));
    CHECK_FALSE(store.object(backup_prefix("orders", *BackupId::parse(killed), Kind::incremental) + "data.tar.zst"));
    CHECK(close_backup(catalog, c, "too late", own)->status == "done");
    CHECK(close_backup(catalog, other, "not ours", own).error().kind == FaultKind::refused);
    CHECK(close_backup(catalog, other, "it runs", {"pg-2", [] { return false; }}).error().kind == FaultKind::refused);
}

TEST_CASE("delete removes one backup, and the WAL before the rest") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    const auto middle = delete_backup(catalog, b, Force::no, now);
    REQUIRE(middle);
    CHECK(middle->wal_files == 1);
    const auto first = delete_backup(catalog, "oldest", Force::no, now);
    REQUIRE(first);
    CHECK(first->wal_files == 18);
    CHECK(count(store, "orders/wals/") == 12);
    const auto last = delete_backup(catalog, c, Force::no, now);
    REQUIRE_FALSE(last);
    CHECK(last.error().kind == FaultKind::refused);
    CHECK(last.error().hint.ends_with("by the command line: pgbosun backup delete --force " + c));
    CHECK(delete_backup(catalog, "20261109T010000", Force::no, now));
    REQUIRE(delete_backup(catalog, c, Force::yes, now));
    CHECK(ids(store) == std::vector<std::string>{"20261110T010000"});
    CHECK(delete_backup(catalog, c, Force::no, now).error().kind == FaultKind::not_found);
}

TEST_CASE("delete refuses what is kept, needed or under way") {
    FakeObjectStore store;
    fill(store);
    plant(store, incremental("20261116T010000", c, {1, 21, 21}));
    plant(store, never_finished("20261121T110000"));
    Catalog catalog(store, "orders");
    REQUIRE(keep_backup(catalog, a, Keep::full));
    const auto before = store.objects().size();
    for (const auto force : {Force::no, Force::yes}) {
        CHECK(delete_backup(catalog, a, force, now).error().what.find("keep") != std::string::npos);
        CHECK(delete_backup(catalog, a, force, now).error().hint.ends_with("pgbosun backup keep --release " + a));
        CHECK(delete_backup(catalog, c, force, now).error().what.find("needed by 20261116T010000") !=
              std::string::npos);
    }
    CHECK(delete_backup(catalog, "20261121T110000", Force::no, now).error().kind == FaultKind::refused);
    CHECK(store.objects().size() == before);
    CHECK(delete_backup(catalog, "20261121T110000", Force::yes, now));
    REQUIRE(keep_backup(catalog, a, Keep::none));
    CHECK(delete_backup(catalog, a, Force::no, now));
    CHECK(keep_backup(catalog, "20261109T010000", Keep::full).error().kind == FaultKind::refused);
}

TEST_CASE("the summary says what can be recovered") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    auto summary = summarize(catalog);
    REQUIRE(summary);
    CHECK(summary->count == 5);
    CHECK(summary->done == 3);
    CHECK(summary->last_done_id == c);
    CHECK(summary->last_failed_id == "20261109T010000");
    CHECK(summary->last_error == "the disk is full");
    CHECK(summary->recoverable_from == moment("2026-11-01 01:01:00"));
    CHECK(summary->recoverable_to == "00000001000000000000001E");
    CHECK(summary->wal_files == 30);
    // The history that cannot be read.
    REQUIRE(summary->hole_count == 1);
    CHECK(summary->holes[0].first == "00000002.history");
    CHECK_FALSE(summary->empty);
}

TEST_CASE("an archive that is only signed is not empty, and one without anything is") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    CHECK(summarize(catalog)->empty);
    store.plant("orders/pgbosun/identity.json", "{}");
    CHECK_FALSE(summarize(catalog)->empty);
}

TEST_CASE("wal verify names holes, histories, duplicates and foreign objects") {
    FakeObjectStore store;
    fill(store);
    store.plant("orders/wals/0000000100000000/000000010000000000000005.gz", "x");
    store.plant("orders/wals/notes.txt", "x");

    Catalog catalog(store, "orders");
    REQUIRE(store.remove({"orders/wals/0000000100000000/000000010000000000000019.zst"}));
    const auto report = verify_wal(catalog);
    REQUIRE(report);
    CHECK_FALSE(report->whole);
    const auto text = to_text(*report);
    CAPTURE(text);
    CHECK(report->findings.front() == "recovery to now is not possible: no backup reaches the newest WAL");
    CHECK(text.find("segment 000000010000000000000019 is missing") != std::string::npos);
    CHECK(text.find("00000002.history is damaged") != std::string::npos);
    CHECK(text.find("1 segment stored in two encodings, the first 000000010000000000000005") != std::string::npos);
    CHECK(text.find("1 object that no WAL is, the first notes.txt") != std::string::npos);
    const auto listing = list_wal(catalog);
    REQUIRE(listing);
    REQUIRE(listing->runs.size() == 2);
    CHECK(listing->runs[0].count == 24);
    CHECK(to_text(*listing).find("000000010000000000000001  000000010000000000000018  24\n") != std::string::npos);
}

TEST_CASE("a segment of 0 bytes is not there, and told") {
    FakeObjectStore store;
    fill(store);
    REQUIRE(store.remove({"orders/wals/00000002.history.zst"}));
    store.plant("orders/wals/0000000100000000/000000010000000000000019.zst", "");
    Catalog catalog(store, "orders");
    const auto report = verify_wal(catalog);
    REQUIRE(report);
    CHECK_FALSE(report->whole);
    const auto text = to_text(*report);
    CAPTURE(text);
    CHECK(text.find("segment 000000010000000000000019 is missing") != std::string::npos);
    CHECK(text.find("1 object of 0 bytes, the first 0000000100000000/000000010000000000000019.zst") !=
          std::string::npos);
}

TEST_CASE("a list is aligned, whatever names it holds, and its JSON has the API's keys") {
    FakeObjectStore store;
    auto named = done(a);
    named.info->name = "gr\u00fcn";
    named.info->remarks["size"] = "1500000";
    plant(store, named);
    plant(store, with_keep(done(c), Keep::full));
    store.plant("orders/base/20261120T010000/backup.info", "status=DONE\nerror=\x1b[31m\n");
    Catalog catalog(store, "orders");
    const auto entries = list_backups(catalog);
    REQUIRE(entries);
    const auto text = to_text(*entries);
    CAPTURE(text);
    CHECK(text.starts_with("ID               KIND  STATE"));
    CHECK(text.find("20261101T010000  full  done             2026-11-01 01:01:00Z  1    1.4 MB") != std::string::npos);
    CHECK(text.find("done, keep full") != std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(to_text(std::vector<CatalogEntry>{}) == "no backups\n");
    const auto json = to_json(entries->front());
    CHECK(json.find(R"({"id":"20261101T010000","name":"grün","state":"done","kind":"full","parent":null,"error":null,)"
                    R"("keep":null,"instance":null,"begin_at":"2026-11-01T01:00:00.000Z","end_at":)") == 0);
    CHECK(to_json(*entries).starts_with(R"({"count":3,"backups":[{"id":)"));
    const auto shown = show_backup(catalog, a);
    REQUIRE(shown);
    CHECK(shown->objects.size() == 2);
    CHECK(to_text(*shown).find("system id       7710436416726794584\n") != std::string::npos);
    CHECK(to_json(*shown).find(R"("system_id":"7710436416726794584")") != std::string::npos);
    CHECK(show_backup(catalog, "20261120T010000")->info == std::nullopt);
}
