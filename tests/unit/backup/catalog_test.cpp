#include "backup/catalog.hpp"

#include "backups.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

const std::string base = "orders/base/";
const std::string first = "20261119T010000", second = "20261120T010000", third = "20261121T010000";

void plant(FakeObjectStore& store, const Backup& backup) {
    store.plant(backup_prefix("orders", backup.id, backup.kind) + "data.tar.zst", std::string(100, 'x'));
    if (backup.info) store.plant(backup_info_key("orders", backup.id, backup.kind), render(*backup.info));
}

std::vector<std::string> keys(const FakeObjectStore& store) {
    std::vector<std::string> keys;
    for (const auto& [key, object] : store.objects()) keys.push_back(key);
    return keys;
}

Backup found(Catalog& catalog, const std::string& reference) {
    auto backup = catalog.find(reference);
    REQUIRE(backup);
    return *backup;
}

}  // namespace

TEST_CASE("a list has every backup, full and incremental, oldest first") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    plant(store, done(third));
    plant(store, done(first));
    plant(store, incremental(second, first));
    plant(store, failed_backup("20261121T020000"));
    plant(store, never_finished("20261121T030000"));
    store.plant(base + "20261121T040000/backup.info", "status=DONE\n");
    store.plant(base + first + "/annotations/keep", "full");
    store.plant(base + third + "/annotations/keep", "standalone");
    store.plant(base + "notes.txt", "mine");
    store.plant(base + "20261131T010000/data.tar", "no such day");
    store.plant("orders2/base/20261121T050000/backup.info", "another server's");
    const auto list = catalog.list();
    REQUIRE(list);
    REQUIRE(list->size() == 6);
    CHECK((*list)[0].id.text() == first);
    CHECK((*list)[0].keep == Keep::full);
    CHECK((*list)[0].stored == 100 + render(*done(first).info).size() + 4);
    CHECK((*list)[1].kind == Kind::incremental);
    CHECK((*list)[1].parent()->text() == first);
    CHECK((*list)[2].done());
    CHECK((*list)[2].keep == Keep::standalone);
    CHECK((*list)[3].info->status == BackupStatus::failed);
    CHECK((*list)[4].info.error().kind == FaultKind::not_found);
    CHECK((*list)[5].info.error().kind == FaultKind::corrupt);
}

TEST_CASE("the list says when the last object of a backup came, where the store does") {
    FakeObjectStore store;
    plant(store, never_finished(first));
    plant(store, never_finished(second));
    const auto before = std::chrono::system_clock::now() - std::chrono::seconds(1);
    REQUIRE(store.put(base + second + "/a.tar", {}, {}));
    const auto list = Catalog(store, "orders").list();
    REQUIRE(list);
    CHECK_FALSE((*list)[0].changed_at);
    REQUIRE((*list)[1].changed_at);
    CHECK(*(*list)[1].changed_at >= before);
}

TEST_CASE("an archive without backups has an empty list") {
    FakeObjectStore store;
    CHECK(Catalog(store, "orders").list()->empty());
}

TEST_CASE("a list is longer than a page of the store, and complete") {
    FakeObjectStore store;
    for (int day = 0; day < 1500; ++day) {
        const auto id = BackupId::next(moment("2020-01-01") + std::chrono::days(day), {});
        plant(store, done(id.text()));
    }
    const auto list = Catalog(store, "orders").list();
    REQUIRE(list);
    CHECK(list->size() == 1500);
    CHECK(std::ranges::is_sorted(*list, {}, &Backup::id));
    CHECK(std::ranges::all_of(*list, &Backup::done));
}

TEST_CASE("a store that does not answer gives no part of a list") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    plant(store, done(first));
    plant(store, done(second));
    store.fail_next(StoreCall::list);
    CHECK(catalog.list().error().kind == FaultKind::unavailable);
    store.fail_next(StoreCall::get);
    CHECK(catalog.list().error().kind == FaultKind::unavailable);
    CHECK(catalog.list()->size() == 2);
}

TEST_CASE("a backup.info that vanishes while the list is made leaves a backup without one") {
    FakeObjectStore store;
    plant(store, done(first));
    store.before_each([&](StoreCall call, const std::string& key) -> Result<> {
        if (call == StoreCall::get) return fail(FaultKind::not_found, "there is no " + key);
        return {};
    });
    const auto list = Catalog(store, "orders").list();
    REQUIRE(list);
    CHECK(list->front().info.error().kind == FaultKind::not_found);
}

TEST_CASE("a transfer that begins again is read once") {
    FakeObjectStore store;
    plant(store, done(first));
    store.break_next_get_after(20);
    CHECK(Catalog(store, "orders").list()->front().done());
}

TEST_CASE("a backup is found by identifier, name, latest and oldest") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    auto named = done(second);
    named.info->name = "before the upgrade";
    plant(store, done(first));
    plant(store, named);
    plant(store, incremental(third, second));
    plant(store, failed_backup("20261121T020000"));
    plant(store, never_finished("20261018T010000"));
    CHECK(found(catalog, first).id.text() == first);
    CHECK(found(catalog, third).kind == Kind::incremental);
    CHECK(found(catalog, "before the upgrade").id.text() == second);
    CHECK(found(catalog, "latest").id.text() == third);
    CHECK(found(catalog, "oldest").id.text() == first);
    CHECK_FALSE(found(catalog, "20261018T010000").info);
    for (const auto* absent : {"20261122T010000", "before", "", "2026"}) {
        CAPTURE(absent);
        CHECK(catalog.find(absent).error().kind == FaultKind::not_found);
    }
}

TEST_CASE("a name that two backups have means neither") {
    FakeObjectStore store;
    for (const auto& id : {first, second}) {
        auto backup = done(id);
        backup.info->name = "weekly";
        plant(store, backup);
    }
    CHECK(Catalog(store, "orders").find("weekly").error().kind == FaultKind::refused);
}

TEST_CASE("keep is set and taken back") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    for (const auto kind : {Kind::full, Kind::incremental}) {
        const auto id = *BackupId::parse(kind == Kind::full ? first : second);
        plant(store, kind == Kind::full ? done(first) : incremental(second, first));
        auto backup = found(catalog, id.text());
        CHECK(backup.kind == kind);
        CHECK(backup.info->end->time == done(id.text()).info->end->time);
        REQUIRE(catalog.set_keep(backup, Keep::standalone));
        CHECK(found(catalog, id.text()).keep == Keep::standalone);
        REQUIRE(catalog.set_keep(backup, Keep::full));
        CHECK(found(catalog, id.text()).keep == Keep::full);
        REQUIRE(catalog.set_keep(backup, Keep::none));
        CHECK(found(catalog, id.text()).keep == Keep::none);
    }
}

TEST_CASE("a backup that is removed leaves nothing, and others as they are") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    plant(store, done(second));
    const auto rest = keys(store);
    plant(store, done(first));
    store.plant(base + first + "/data_0001.tar.zst", "x");
    store.plant(base + first + "/annotations/keep", "full");
    store.plant(base + first + "/anything", "x");
    REQUIRE(catalog.remove(found(catalog, first)));
    CHECK(keys(store) == rest);
}

TEST_CASE("a removal that is killed at any step leaves nothing that looks whole, and can be repeated") {
    for (int survived = 0;; ++survived) {
        CAPTURE(survived);
        FakeObjectStore store;
        Catalog catalog(store, "orders");
        plant(store, done(first));
        const auto backup = found(catalog, first);
        int calls = 0;
        store.before_each([&](StoreCall, const std::string&) -> Result<> {
            if (calls++ >= survived) return fail(FaultKind::cancelled, "killed (told by the test)");
            return {};
        });
        const bool done_at_once = catalog.remove(backup).has_value();
        store.before_each({});
        const auto objects = store.objects();
        const auto left = catalog.list();
        REQUIRE(left);
        const bool has_data = objects.contains(base + first + "/data.tar.zst");
        for (const auto& it : *left) CHECK((has_data || !it.done()));
        if (!left->empty()) REQUIRE(catalog.remove(left->front()));
        CHECK(store.objects().empty());
        if (done_at_once) break;
    }
}
