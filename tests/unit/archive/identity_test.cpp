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
        return IdentityCheck(store, server, volume.path()).check(system_id, Timeline{3});
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

TEST_CASE("the identity object says on which timeline the archive begins, and where the cluster archived before") {
    Instance it;
    REQUIRE(it.check());
    const auto first = read_identity(it.store, "orders");
    REQUIRE(first);
    CHECK(*first == ArchiveIdentity{our_system, "orders", Timeline{3}, ""});

    REQUIRE(it.check("orders-2"));
    const auto second = read_identity(it.store, "orders-2");
    REQUIRE(second);
    CHECK(*second == ArchiveIdentity{our_system, "orders-2", Timeline{3}, it.store.describe() + "/orders"});
}

TEST_CASE("identity objects of older versions are read, and damaged ones are not") {
    const auto older = parse_identity(R"({"server_name":"orders","system_id":"42"})");
    REQUIRE(older);
    CHECK(*older == ArchiveIdentity{SystemId{42}, "orders", std::nullopt, ""});

    const auto* const text = GENERATE(R"({"server_name":"orders","system_id":"42","first_timeline":"1"})",
                                      R"({"server_name":"orders","system_id":"42","first_timeline":0})",
                                      R"({"server_name":"orders","system_id":"42","first_timeline":-1})",
                                      R"({"server_name":"orders","system_id":"42","first_timeline":4294967296})",
                                      R"({"server_name":"orders","system_id":"42","before":7})");
    CAPTURE(text);
    const auto damaged = parse_identity(text);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().kind == FaultKind::corrupt);
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
    REQUIRE(check.check(our_system, Timeline{3}));
    REQUIRE(it.store.remove({identity_key("orders")}));
    CHECK(check.check(our_system, Timeline{3}));  // the same place is not asked again

    it.store.move_to(2);
    CHECK_FALSE(check.check(our_system, Timeline{3}));
    CHECK_FALSE(check.check(our_system, Timeline{3}));
    it.store.plant(identity_key("orders"), render(ArchiveIdentity{our_system, "orders"}));
    CHECK(check.check(our_system, Timeline{3}));
}

TEST_CASE("an archive that lost its identity object alone gets it again") {
    Instance it;
    REQUIRE(it.check());
    it.store.plant("orders/wals/0000000100000000/000000010000000000000001.zst", "content");
    REQUIRE(it.store.remove({identity_key("orders")}));

    CHECK(it.check());
    CHECK(it.store.object(identity_key("orders")));
}

TEST_CASE("another name that is empty, another cluster and a volume that remembers nothing begin anew") {
    Instance it;
    REQUIRE(it.check());
    REQUIRE(it.store.remove({identity_key("orders")}));

    SECTION("another name in the archive") { CHECK(it.check("orders-2")); }
    SECTION("a data directory that was made anew") { CHECK(it.check("orders", SystemId{42})); }
    SECTION("a new volume") { CHECK(IdentityCheck(it.store, "orders", "").check(our_system, std::nullopt)); }
    SECTION("what is there in its place is no memory") {
        const std::string text = GENERATE(std::string(), std::string("nonsense"), std::string(10'000, 'x'));
        write_file(it.memory(), text);
        CHECK(it.check());
    }
}

TEST_CASE("a recovered cluster does not turn to its source's archive, of which it has the system identifier") {
    Instance it;
    REQUIRE(it.check("orders-recovered"));
    const auto remembered = it.store.describe() + "/orders-recovered";
    const auto there = GENERATE(identity_key("orders"), std::string("orders/wals/000000010000000000000001.zst"),
                                std::string("orders/base/20261121T010000/backup.info"));
    CAPTURE(there);
    it.store.plant(there, render(ArchiveIdentity{our_system, "orders"}));
    const auto before = it.store.objects().size();

    const auto checked = it.check();

    REQUIRE_FALSE(checked);
    CHECK(checked.error().kind == FaultKind::refused);
    CHECK(checked.error().what.find("archived in " + remembered + " until now") != std::string::npos);
    CHECK(checked.error().hint.find(it.memory()) != std::string::npos);
    CHECK(it.store.objects().size() == before);
    CHECK(KnownArchive(it.volume.path()).holds(remembered, our_system));

    SECTION("until a person says that the archive was moved there") {
        std::filesystem::remove(it.memory());
        CHECK(it.check());
        CHECK(KnownArchive(it.volume.path()).holds(it.store.describe() + "/orders", our_system));
    }
    SECTION("and goes on in its own") { CHECK(it.check("orders-recovered")); }
}

TEST_CASE("where a former primary of the cluster has turned to, the next one follows") {
    Instance former, next;
    REQUIRE(former.check());
    REQUIRE(next.check());

    REQUIRE(former.check("orders-2"));
    const auto moved = former.store.object(identity_key("orders-2"));
    REQUIRE(moved);
    next.store.plant(identity_key("orders-2"), moved->body);

    CHECK(next.check("orders-2"));
    CHECK_FALSE(IdentityCheck(former.store, "orders", former.volume.path()).check(our_system, std::nullopt));
}

TEST_CASE("that another place is another cluster's is said as ever") {
    Instance it;
    REQUIRE(it.check());
    it.store.plant(identity_key("orders-2"), render(ArchiveIdentity{SystemId{42}, "orders-2"}));

    const auto checked = it.check("orders-2");

    REQUIRE_FALSE(checked);
    CHECK(checked.error().what.find("is the archive of the cluster with system identifier 42") != std::string::npos);
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
