#include <cstring>

#include "backup/drill_server.hpp"
#include "backup/verify.hpp"
#include "backup/wal_check.hpp"
#include "backups.hpp"
#include "codec/content_hash.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace pgbosun::test;

namespace {

constexpr std::uint32_t megabyte = 1 << 20;
constexpr std::uint32_t page = 8192;
constexpr SystemId cluster{7710436416726794584};

template <class Number>
void put(std::string& bytes, std::size_t at, Number value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

// A segment of 1 MB, as PostgreSQL 15 writes it; its pages hold headers only.
std::string segment(std::uint64_t number, std::uint32_t timeline = 1) {
    std::string bytes(megabyte, '\0');
    for (std::uint32_t at = 0; at < megabyte; at += page) {
        put<std::uint16_t>(bytes, at, 0xD110);
        put<std::uint16_t>(bytes, at + 2, at == 0 ? 2 : 0);
        put<std::uint32_t>(bytes, at + 4, timeline);
        put<std::uint64_t>(bytes, at + 8, number * megabyte + at);
    }
    put<std::uint64_t>(bytes, 24, pgbosun::number(cluster));
    put<std::uint32_t>(bytes, 32, megabyte);
    put<std::uint32_t>(bytes, 36, page);
    return bytes;
}

}  // namespace

TEST_CASE("a stretch of WAL is read page by page") {
    FakeObjectStore store;
    const auto size = *wal::SegmentSize::from_bytes(megabyte);
    const auto key = [](int number) {
        return "orders/wals/0000000100000000/00000001000000000000000" + std::to_string(number);
    };
    for (const int number : {2, 3, 4}) store.plant(key(number), segment(static_cast<std::uint64_t>(number)));
    const WalStretch stretch{{Timeline{1}, 2}, {Timeline{1}, 4}, size, cluster, Lsn{4 * megabyte + 5 * page}};
    const auto findings = [&] {
        auto found = check_wal(store, "orders", stretch, 2);
        REQUIRE(found);
        return *found;
    };
    CHECK(findings().empty());

    std::string damaged = segment(3);
    SECTION("a segment is missing") {
        REQUIRE(store.remove({key(3)}));
        CHECK(findings() == std::vector{key(3) + " is missing"});
    }
    SECTION("a page is another one") {
        damaged[3 * page + 9] = 'x';
        store.plant(key(3), damaged);
        REQUIRE(findings().size() == 1);
        CHECK(findings()[0].find("the WAL page at 0/306000 is damaged") != std::string::npos);
    }
    SECTION("a page of zeros with others behind it") {
        std::memset(damaged.data() + 3 * page, 0, 20);
        store.plant(key(3), damaged);
        CHECK(findings().size() == 1);
    }
    SECTION("zeros up to the end, behind a switch") {
        std::memset(damaged.data() + 3 * page, 0, megabyte - 3 * page);
        store.plant(key(3), damaged);
        CHECK(findings().empty());
    }
    SECTION("a segment is short") {
        store.plant(key(3), damaged.substr(0, megabyte / 2));
        CHECK(findings().size() == 1);
    }
    SECTION("another cluster's") {
        put<std::uint64_t>(damaged, 24, 1);
        store.plant(key(3), damaged);
        CHECK(findings().size() == 1);
    }
    SECTION("its content is not what was archived") {
        damaged[500'000] ^= 1;
        store.plant(key(3), damaged);
        CHECK(findings().empty());
        const std::string archived_content = segment(3);
        const ObjectMetadata archived{
            {std::string(codec::content_hash_name), codec::content_hash(std::as_bytes(std::span(archived_content)))}};
        REQUIRE(store.put(key(3), std::as_bytes(std::span(damaged)), archived));
        REQUIRE(findings().size() == 1);
        CHECK(findings()[0].find("is not what was archived") != std::string::npos);
    }
    SECTION("what is behind the end may be anything") {
        damaged = segment(4);
        damaged[6 * page] = 'x';
        store.plant(key(4), damaged);
        CHECK(findings().empty());
    }
    SECTION("a store that is away is no finding") {
        store.fail_next(StoreCall::list);
        CHECK_FALSE(check_wal(store, "orders", stretch, 2));
    }
}

TEST_CASE("the WAL of a backup during which a standby changed its timeline is read along the way") {
    FakeObjectStore store;
    Catalog catalog(store, "orders");
    const auto size = *wal::SegmentSize::from_bytes(megabyte);
    const auto name = [&](std::uint32_t timeline, std::uint64_t number) {
        return name_of({Timeline{timeline}, number}, size);
    };
    const auto plant = [&](std::uint32_t timeline, std::uint64_t number) {
        const auto key =
            "orders/wals/" + to_string(name(timeline, number)).substr(0, 16) + "/" + to_string(name(timeline, number));
        store.plant(key, segment(number, timeline));
        return key;
    };
    // It forks in segment 3.
    const std::string history = "orders/wals/00000002.history";
    store.plant(history, "1\t0/380000\tno recovery target specified\n");
    std::vector<std::string> keys{plant(1, 2), plant(2, 3), plant(2, 4)};
    auto backup = done("20261121T010000");
    auto& info = *backup.info;
    info.system_id = cluster;
    info.segment_size = megabyte;
    info.begin = WalPosition{Lsn{2 * megabyte + 40}, name(1, 2), {}};
    info.end = WalPosition{Lsn{4 * megabyte + 5 * page}, name(2, 4), {}};
    const VerifyOrder order{.workers = 2, .system_id = [](std::string_view) { return cluster; }, .progress = {}};
    const auto findings_of_wal = [&] {
        auto verified = verify(catalog, backup, order);
        REQUIRE(verified);
        std::vector<std::string> found;
        for (const auto& finding : verified->findings) {
            if (finding.find("wals/") != std::string::npos || finding.find("cannot begin") != std::string::npos) {
                found.push_back(finding);
            }
        }
        return found;
    };

    CHECK(findings_of_wal().empty());
    CHECK(verify(catalog, backup, order)->segments == 3);
    for (const auto& key : keys) {
        const auto content = store.object(key)->body;
        REQUIRE(store.remove({key}));
        CHECK(findings_of_wal() == std::vector{key + " is missing"});
        store.plant(key, content);
    }
    REQUIRE(store.remove({history}));
    CHECK(findings_of_wal() == std::vector{history + " is missing"});
    std::swap(info.begin, info.end);
    CHECK(findings_of_wal().size() == 1);
}

TEST_CASE("a drill leaves a tenth of the file system, or takes what it was given") {
    constexpr Room room{500, 1000};
    CHECK(drill_allowance(room, 0) == 400);
    CHECK(drill_allowance(room, 100) == 100);
    CHECK(drill_allowance(room, 10'000) == 400);
    CHECK(drill_allowance({50, 1000}, 0) == 0);
    CHECK(check_drill_room(room, 0, 400, "/scratch"));
    CHECK_FALSE(check_drill_room(room, 0, 401, "/scratch"));
}

TEST_CASE("the server of a drill reaches nobody and nobody reaches it") {
    const auto command = drill_server_command({"/pg/bin", "/scratch/pgdata", "/scratch/s", "32MB", {}});
    for (const char* wanted :
         {"listen_addresses=", "archive_mode=off",
          "primary_conninfo=", "shared_preload_libraries=", "max_logical_replication_workers=0", "hot_standby=off",
          "unix_socket_permissions=0700", "wal_keep_size=0", "max_wal_size=128MB", "min_wal_size=32MB",
          "unix_socket_directories=/scratch/s", "data_directory=/scratch/pgdata"}) {
        CHECK(std::ranges::count(command.arguments, wanted) == 1);
    }
    // PostgreSQL refuses less than two segments.
    const auto large = drill_server_command({"/pg/bin", "/scratch/pgdata", "/scratch/s", "32MB", {}, 1U << 30});
    CHECK(std::ranges::count(large.arguments, "min_wal_size=2048MB") == 1);
}

TEST_CASE("the server of a drill has the job's environment, for restore_command goes to the archive with it") {
    DrillServer server{"/pg/bin", "/scratch/pgdata", "/scratch/s", "32MB", {}};
    server.environment = {"AWS_SECRET_ACCESS_KEY=a=b",
                          "PG_ARCHIVE_KEY=c",
                          "PGBOSUN_CONFIG=/x",
                          "HOME=/home/x",
                          "PGPORT=1",
                          "PGDATA=/live",
                          "PGOPTIONS=-c x=y",
                          "PATH=/live/bin",
                          "LC_ALL=de_DE",
                          "PG_OOM_ADJUST_FILE=/y"};

    CHECK(drill_server_command(server).environment ==
          std::vector<std::string>{"PATH=/pg/bin:/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "PGDATA=/scratch/pgdata",
                                   "AWS_SECRET_ACCESS_KEY=a=b", "PG_ARCHIVE_KEY=c", "PGBOSUN_CONFIG=/x",
                                   "HOME=/home/x"});
    // It has nothing to ask of the archive.
    CHECK(amcheck_command(server, "x").environment.size() == 3);
}
