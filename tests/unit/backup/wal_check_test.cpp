#include <cstring>

#include "backup/drill_server.hpp"
#include "backup/wal_check.hpp"
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

// A segment of 1 MB of timeline 1, as PostgreSQL 15 writes it; its pages hold headers only.
std::string segment(std::uint64_t number) {
    std::string bytes(megabyte, '\0');
    for (std::uint32_t at = 0; at < megabyte; at += page) {
        put<std::uint16_t>(bytes, at, 0xD110);
        put<std::uint16_t>(bytes, at + 2, at == 0 ? 2 : 0);
        put<std::uint32_t>(bytes, at + 4, 1);
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
          "primary_conninfo=", "shared_preload_libraries=", "max_logical_replication_workers=0",
          "unix_socket_permissions=0700", "unix_socket_directories=/scratch/s", "data_directory=/scratch/pgdata"}) {
        CHECK(std::ranges::count(command.arguments, wanted) == 1);
    }
}
