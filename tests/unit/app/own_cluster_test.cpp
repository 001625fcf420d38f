#include "app/own_cluster.hpp"

#include "archive/identity.hpp"
#include "archive/known_archive.hpp"
#include "archive/layout.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "unit/archive/wal_files.hpp"
#include "unit/postgres/control_bytes.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace pgbosun::test;

namespace {

struct Volume {
    Volume() {
        settings.volume = directory.path();
        std::filesystem::create_directories(settings.data_directory() + "/global");
        std::filesystem::create_directories(settings.state_directory());
        write_file(settings.data_directory() + "/global/pg_control", control_bytes());
        write_file(settings.data_directory() + "/standby.signal", "");
        store.plant(archive::identity_key("orders"), archive::render(archive::ArchiveIdentity{our_system, "orders"}));
    }
    // Where its cluster archives, as it remembers after a look at the catalog.
    std::string remembered(const std::string& server = "orders") {
        backup::Catalog catalog(store, server);
        remember_archive_of_standby(catalog, settings);
        return archive::KnownArchive(settings.state_directory()).of(our_system);
    }

    TemporaryDirectory directory;
    Settings settings;
    FakeObjectStore store;
};

}  // namespace

TEST_CASE("a standby remembers the archive of its cluster, and no other one later") {
    Volume it;

    CHECK(it.remembered() == it.store.describe() + "/orders");

    it.store.plant(archive::identity_key("orders-2"),
                   archive::render(archive::ArchiveIdentity{our_system, "orders-2"}));
    CHECK(it.remembered("orders-2") == it.store.describe() + "/orders");
}

TEST_CASE("what is no archive of a standby's cluster is not remembered") {
    Volume it;

    SECTION("it is nobody's") { REQUIRE(it.store.remove({archive::identity_key("orders")})); }
    SECTION("it is another cluster's") {
        it.store.plant(archive::identity_key("orders"),
                       archive::render(archive::ArchiveIdentity{SystemId{42}, "orders"}));
    }
    // A copy of the cluster that the archive is of, say.
    SECTION("the data is a primary's") { std::filesystem::remove(it.settings.data_directory() + "/standby.signal"); }
    SECTION("there is no data") { std::filesystem::remove_all(it.settings.data_directory() + "/global"); }
    SECTION("the store does not answer") { it.store.fail_next(StoreCall::get); }

    CHECK(it.remembered().empty());
}
