// A backup's end, and its removal at each request of that.

#include "backup/backup_record.hpp"

#include "backups.hpp"
#include "meanwhile.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const BackupInfo whole = *done("20261115T010000").info;

BackupPlace begun(FakeObjectStore& store) {
    const auto place = claim_backup(store, "orders", Kind::full, {"pg-1", std::nullopt});
    REQUIRE(place);
    store.plant(place->prefix() + "data.tar.zst", "x");
    return *place;
}

}  // namespace

TEST_CASE("of a failed backup the data goes, also where uploads may not be listed") {
    FakeObjectStore store;
    const auto place = begun(store);
    store.before_each([](StoreCall call, const std::string&) -> Result<> {
        if (call != StoreCall::abort_unfinished) return {};
        return fail(FaultKind::refused, "the store refused: AccessDenied");
    });

    record_failure(store, place, {}, {FaultKind::unavailable, "the disk is full", {}});
    const auto objects = store.objects();
    REQUIRE(objects.size() == 1);
    CHECK(objects.begin()->first == place.prefix() + "backup.info");
}

TEST_CASE("a backup that somebody removed while it was taken is not recorded as done") {
    for (int at = 0;; ++at) {
        CAPTURE(at);
        FakeObjectStore store;
        Catalog catalog(store, "orders");
        const auto place = begun(store);
        bool happened = false;
        Result<> recorded;
        {
            const Meanwhile meanwhile(store, request(at), [&] {
                const auto there = catalog.find(place.id.text());
                REQUIRE(there);
                REQUIRE(catalog.remove(*there));
            });
            recorded = record_done(store, place, whole);
            happened = meanwhile.happened();
        }
        if (!recorded) {
            CHECK(recorded.error().what.ends_with("while it was taken"));
            record_failure(store, place, whole, recorded.error());
        }
        check_whole(store, catalog);
        if (!happened) break;
        if (at < 2) CHECK_FALSE(recorded);
    }
}

TEST_CASE("a backup that is done while somebody removes it is whole, or gone") {
    for (int at = 0;; ++at) {
        CAPTURE(at);
        FakeObjectStore store;
        Catalog catalog(store, "orders");
        const auto place = begun(store);
        const auto there = catalog.find(place.id.text());
        bool happened = false;
        Result<> recorded, removed;
        {
            const Meanwhile meanwhile(store, request(at), [&] { recorded = record_done(store, place, whole); });
            removed = catalog.remove(*there);
            happened = meanwhile.happened();
        }
        check_whole(store, catalog);
        if (!happened) break;
        if (recorded) CHECK(removed.error().kind == FaultKind::conflict);
        if (!recorded) CHECK(recorded.error().kind == FaultKind::not_found);
    }
}

TEST_CASE("a backup.info whose answer was lost is ours all the same") {
    FakeObjectStore store;
    const auto place = begun(store);
    store.plant(backup_info_key("orders", place.id), render(whole));
    CHECK(record_done(store, place, whole));
    CHECK_FALSE(store.object(claim_key("orders", place.id, Kind::full)));
}
