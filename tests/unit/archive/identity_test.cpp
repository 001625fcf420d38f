#include "archive/identity.hpp"

#include "archive/layout.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/temporary_directory.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;

namespace {

struct Instance {
    Result<> check(const std::string& server = "orders", SystemId system_id = our_system) {
        return IdentityCheck(store, server, volume.path()).check(system_id);
    }
    [[nodiscard]] std::string memory() const { return volume.path() + "/known-archive"; }

    TemporaryDirectory volume;
    FakeObjectStore store;
};

}  // namespace

TEST_CASE("an archive that is nobody's becomes this cluster's, and is remembered on the volume") {
    Instance it;

    REQUIRE(it.check());
    CHECK(it.store.object(identity_key("orders")));
    CHECK(KnownArchive(it.volume.path()).holds(it.store.describe() + "/orders", our_system));
    CHECK(it.check());
}

TEST_CASE("an archive that was used and is empty is not begun anew: its volume is not mounted") {
    Instance it;
    REQUIRE(it.check());
    REQUIRE(it.store.remove({identity_key("orders")}));

    const auto checked = it.check();

    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == FaultKind::unavailable);
    CHECK(checked.error().what.ends_with("is empty, and this cluster has archived there before"));
    CHECK(checked.error().hint.find(it.memory()) != std::string::npos);
    CHECK(it.store.objects().empty());

    SECTION("until it is back") {
        it.store.plant(identity_key("orders"), render(ArchiveIdentity{our_system, "orders"}));
        CHECK(it.check());
    }
    SECTION("or a person says that it was emptied") {
        std::filesystem::remove(it.memory());
        CHECK(it.check());
        CHECK(it.store.object(identity_key("orders")));
    }
}

TEST_CASE("a directory on which nothing is mounted any more is noticed while it is used") {
    Instance it;
    IdentityCheck check(it.store, "orders", it.volume.path());
    REQUIRE(check.check(our_system));
    REQUIRE(it.store.remove({identity_key("orders")}));
    CHECK(check.check(our_system));  // the same place is not asked again

    it.store.move_to(2);
    CHECK_FALSE(check.check(our_system));
    CHECK_FALSE(check.check(our_system));
    it.store.plant(identity_key("orders"), render(ArchiveIdentity{our_system, "orders"}));
    CHECK(check.check(our_system));
}

TEST_CASE("an archive that lost its identity object alone gets it again") {
    Instance it;
    REQUIRE(it.check());
    it.store.plant("orders/wals/0000000100000000/000000010000000000000001.zst", "content");
    REQUIRE(it.store.remove({identity_key("orders")}));

    CHECK(it.check());
    CHECK(it.store.object(identity_key("orders")));
}

TEST_CASE("another name, another cluster and a volume that remembers nothing begin anew") {
    Instance it;
    REQUIRE(it.check());
    REQUIRE(it.store.remove({identity_key("orders")}));

    SECTION("another name in the archive") { CHECK(it.check("orders-2")); }
    SECTION("a data directory that was made anew") { CHECK(it.check("orders", SystemId{42})); }
    SECTION("a new volume") { CHECK(IdentityCheck(it.store, "orders", "").check(our_system)); }
    SECTION("what is there in its place is no memory") {
        const std::string text = GENERATE(std::string(), std::string("nonsense"), std::string(10'000, 'x'));
        write_file(it.memory(), text);
        CHECK(it.check());
    }
}

TEST_CASE("a volume that cannot remember keeps nothing from being archived") {
    Instance it;
    std::filesystem::create_directory(it.memory() + ".new");

    CHECK(it.check());
}

TEST_CASE("a store that does not answer is no empty archive") {
    Instance it;
    REQUIRE(it.check());
    it.store.fail_next(StoreCall::list);

    const auto checked = it.check();

    REQUIRE_FALSE(checked);
    CHECK(checked.error().what.find("before") == std::string::npos);
}
