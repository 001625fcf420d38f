// Expiry while others go on, at each of its requests.

#include <atomic>
#include <memory>
#include <optional>

#include "backup/backup_record.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/catalog_text.hpp"
#include "backups.hpp"
#include "meanwhile.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const WallTime now = moment("2026-11-21 12:00:00");
const std::string a = "20261101T010000", b = "20261108T010000", c = "20261115T010000";

void plant(FakeObjectStore& store, const Backup& backup) {
    store.plant(data_of(backup), std::string(1000, 'x'));
    if (backup.info) store.plant(backup_info_key("orders", backup.id, backup.kind), render(*backup.info));
    if (backup.claim) store.plant(claim_key("orders", backup.id, backup.kind), render(*backup.claim));
}

// Of which REDUNDANCY 1 keeps the last one, and WAL from segment 20 on.
void fill(FakeObjectStore& store) {
    plant(store, done(a, {1, 2, 3}));
    plant(store, done(b, {1, 10, 10}));
    plant(store, done(c, {1, 20, 20}));
    for (const auto* segment : {"02", "0A", "14", "15"}) {
        store.plant("orders/wals/0000000100000000/0000000100000000000000" + std::string(segment) + ".zst", "x");
    }
}

std::vector<std::string> ids(Catalog& catalog) {
    std::vector<std::string> ids;
    const auto list = catalog.list();
    REQUIRE(list);
    for (const auto& backup : *list) ids.push_back(backup.id.text());
    return ids;
}

}  // namespace

TEST_CASE("a backup that is marked with keep while an expire runs is kept, or the mark is refused") {
    for (int at = 0;; ++at) {
        CAPTURE(at);
        FakeObjectStore store;
        fill(store);
        Catalog catalog(store, "orders"), other(store, "orders");
        std::optional<Result<CatalogEntry>> answer;
        bool happened = false;
        {
            const Meanwhile meanwhile(store, request(at), [&] { answer = keep_backup(other, a, Keep::full); });
            REQUIRE(expire(catalog, Redundancy{1}, now, DryRun::no));
            happened = meanwhile.happened();
        }
        check_whole(store, catalog);
        if (!happened) break;
        if (*answer) {
            const auto kept = catalog.find(a);
            REQUIRE(kept);
            CHECK(kept->done());
            CHECK(kept->keep == Keep::full);
            CHECK(store.object("orders/wals/0000000100000000/000000010000000000000002.zst"));
        } else {
            CHECK(ids(catalog) == std::vector{c});
        }
    }
}

// From its claim to its first upload a backup makes some requests itself, and asks the server for a checkpoint.
TEST_CASE("a backup that another instance begins while an expire runs keeps its uploads") {
    for (int at = 0;; ++at) {
        CAPTURE(at);
        FakeObjectStore store;
        fill(store);
        Catalog catalog(store, "orders");
        std::optional<BackupPlace> place;
        std::unique_ptr<PartedUpload> upload;
        std::atomic<int> calls = 0;
        std::atomic<bool> acting = false;
        store.before_each([&](StoreCall, const std::string&) -> Result<> {
            if (acting.exchange(true)) return {};
            const int number = calls++;
            if (number == at) place = claim_backup(store, "orders", Kind::full, {"pg-2", std::nullopt}).value();
            if (number == at + 2) {
                upload = store.begin_parted(place->prefix() + "data.tar.zst", smallest_part, {}).value();
            }
            acting = false;
            return {};
        });

        const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
        store.before_each({});
        REQUIRE(expired);
        CHECK(expired->backups.size() == expired->plan.backups.size());
        CHECK(store.unfinished().size() == (upload ? 1 : 0));
        if (!place) break;
    }
}

TEST_CASE("what an incremental backup that begins while an expire runs builds on stays") {
    const std::string child = "20261121T115500";
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    const auto removal = [](StoreCall call, int) { return call == StoreCall::remove; };
    const Meanwhile meanwhile(store, removal, [&] { plant(store, under_way(child, a)); });

    const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(ids(catalog) == std::vector{a, c, child});
    CHECK(expired->plan.backups[0].reason == Reason::needed);
    CHECK(expired->plan.backups[3].reason == Reason::under_way);
    CHECK(store.object("orders/wals/0000000100000000/000000010000000000000002.zst"));
}

TEST_CASE("a backup that nobody seemed to take, and that is done when its turn comes, stays") {
    const std::string old = "20261102T010000";
    FakeObjectStore store;
    fill(store);
    plant(store, never_finished(old));
    Catalog catalog(store, "orders");
    const auto removal = [](StoreCall call, int) { return call == StoreCall::remove; };
    const Meanwhile meanwhile(store, removal, [&] { plant(store, done(old, {1, 2, 21})); });

    const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(ids(catalog) == std::vector{old, c});
    CHECK(expired->plan.backups[1].reason == Reason::changed);
    CHECK(expired->wal_files == 0);
}

TEST_CASE("where uploads may not be listed WAL expires nevertheless, and it is told") {
    FakeObjectStore store;
    fill(store);
    Catalog catalog(store, "orders");
    store.before_each([](StoreCall call, const std::string&) -> Result<> {
        if (call != StoreCall::abort_unfinished) return {};
        return fail(FaultKind::refused, "the store refused: AccessDenied", "allow it");
    });

    const auto expired = expire(catalog, Redundancy{1}, now, DryRun::no);
    REQUIRE(expired);
    CHECK(expired->wal_files == 2);
    CHECK(
        told(*expired).ends_with("; unfinished uploads stay: aborting uploads: the store refused: AccessDenied "
                                 "(hint: allow it)"));
    CHECK(to_json(*expired).find(R"("uploads_stay_because":"aborting uploads)") != std::string::npos);
}
