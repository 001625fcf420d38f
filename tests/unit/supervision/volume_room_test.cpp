#include "supervision/volume_room.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t segment = 16 << 20;
constexpr std::uint64_t needed = segment + (1 << 20);

struct Disks {
    VolumeRoom room;
    Instant now{100s};

    // Whether it is full, after `passed` with so much left.
    bool full(std::uint64_t left, Duration passed = 0s, const char* name = "data",
              WalPlace place = WalPlace::on_data_volume) {
        now += passed;
        std::vector<VolumeStatus> volumes{
            {.name = name, .path = "/v", .total_bytes = 1ULL << 30, .available_bytes = left}};
        room.look(volumes, place, segment, now);
        return volumes[0].full_since.has_value();
    }
};

}  // namespace

TEST_CASE("a volume without room for a WAL segment is full when that has lasted") {
    Disks disks;
    CHECK_FALSE(disks.full(needed, 1h));
    CHECK_FALSE(disks.full(needed - 1));
    CHECK_FALSE(disks.full(needed - 1, longest_without_room - 1ms));

    CHECK(disks.full(0, 1ms));
}

TEST_CASE("a moment without room is not judged, and a little room is not the end of it") {
    Disks disks;
    CHECK_FALSE(disks.full(0));
    CHECK_FALSE(disks.full(needed, longest_without_room - 1ms));
    CHECK_FALSE(disks.full(0, 1ms));
    CHECK_FALSE(disks.full(0, longest_without_room - 1ms));
    CHECK(disks.full(0, 1ms));

    CHECK(disks.full(needed + needed / 4 - 1, 1h));
    CHECK_FALSE(disks.full(needed + needed / 4));
    CHECK_FALSE(disks.full(needed));
}

TEST_CASE("a data volume without WAL needs room for tables only, and a WAL volume for a segment") {
    Disks data;
    CHECK_FALSE(data.full(1 << 20, 0s, "data", WalPlace::on_its_own));
    CHECK_FALSE(data.full(1 << 20, 1h, "data", WalPlace::on_its_own));
    CHECK_FALSE(data.full((1 << 20) - 1, 0s, "data", WalPlace::on_its_own));
    CHECK(data.full((1 << 20) - 1, 1h, "data", WalPlace::on_its_own));
    Disks wal;
    CHECK_FALSE(wal.full(1 << 20, 0s, "wal", WalPlace::on_its_own));
    CHECK(wal.full(1 << 20, 1h, "wal", WalPlace::on_its_own));
}

TEST_CASE("what a volume that hangs has left is not known") {
    VolumeRoom room;
    std::vector<VolumeStatus> volumes{{.name = "data", .path = "/v", .hangs_since = Instant{}}};
    room.look(volumes, WalPlace::on_data_volume, segment, Instant{100s});
    room.look(volumes, WalPlace::on_data_volume, segment, Instant{200s});
    CHECK_FALSE(volumes[0].full_since);
}
