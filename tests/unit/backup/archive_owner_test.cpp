#include "backup/archive_owner.hpp"

#include "archive/identity.hpp"
#include "archive/layout.hpp"
#include "backups.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

constexpr SystemId ours{7710436416726794584}, theirs{4242};

void sign(FakeObjectStore& store, SystemId owner) {
    store.plant(archive::identity_key("orders"), archive::render({owner, "orders"}));
}

void plant(FakeObjectStore& store, const Backup& backup) {
    store.plant(backup_info_key("orders", backup.id, backup.kind), render(*backup.info));
}

}  // namespace

TEST_CASE("an archive is whose it says, else whose its newest backup is") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    CHECK(expect_owner(catalog, ours));

    auto older = done("20261101T010000");
    older.info->system_id = theirs;
    plant(store, older);
    const auto refused = expect_owner(catalog, ours);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::refused);
    CHECK(refused.error().what.find("is the archive of the cluster with system identifier 4242, ours is "
                                    "7710436416726794584") != std::string::npos);

    plant(store, done("20261102T010000"));
    CHECK(expect_owner(catalog, ours));
    CHECK_FALSE(expect_owner(catalog, theirs));

    sign(store, theirs);
    CHECK_FALSE(expect_owner(catalog, ours));
    CHECK(expect_owner(catalog, theirs));
    const auto backups = catalog.list();
    REQUIRE(backups);
    CHECK(owner_of(catalog, *backups).value() == theirs);
}

TEST_CASE("an identity that cannot be read is nobody's leave to change the archive") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    store.plant(archive::identity_key("orders"), "{}");
    const auto refused = expect_owner(catalog, ours);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::corrupt);
}
