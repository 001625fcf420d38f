#include "supervision/local_data.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

constexpr std::uint32_t segment = 16 * 1024 * 1024;

postgres::Usable data(postgres::ClusterState state, postgres::StartMode start) {
    postgres::Usable usable;
    usable.control.state = state;
    usable.control.checkpoint = Lsn{0x3000028};
    usable.control.timeline = Timeline{2};
    usable.control.wal_segment_size = segment;
    usable.start = start;
    return usable;
}

instance::LocalData seen(postgres::ClusterState state, postgres::StartMode start = postgres::StartMode::primary) {
    return local_data(data(state, start), {Timeline{2}, {}}, 15);
}

}  // namespace

TEST_CASE("a shutdown checkpoint ends 120 bytes on, and page headers come on top") {
    CHECK(end_of_shutdown_checkpoint(Lsn{0x3000028}, segment) == Lsn{0x3000028 + 120});
    // To the last byte of a page, and one alignment further.
    CHECK(end_of_shutdown_checkpoint(Lsn{0x3002000 - 120}, segment) == Lsn{0x3002000});
    CHECK(end_of_shutdown_checkpoint(Lsn{0x3002000 - 112}, segment) == Lsn{0x3002000 + 24 + 8});
    CHECK(end_of_shutdown_checkpoint(Lsn{0x4000000 - 8}, segment) == Lsn{0x4000000 + 40 + 112});
}

TEST_CASE("how data came to rest is read from its control file and its signal file") {
    using enum postgres::ClusterState;
    CHECK(seen(shut_down).end == instance::LocalEnd::shut_down);
    CHECK(seen(in_production).end == instance::LocalEnd::crashed_primary);
    CHECK(seen(shutting_down).end == instance::LocalEnd::crashed_primary);
    CHECK(seen(in_crash_recovery).end == instance::LocalEnd::crashed_primary);
    CHECK(seen(shut_down_in_recovery, postgres::StartMode::standby).end == instance::LocalEnd::shut_down_in_recovery);
    CHECK(seen(in_archive_recovery, postgres::StartMode::standby).end == instance::LocalEnd::crashed_standby);
    // It was marked, and never launched since.
    CHECK(seen(in_production, postgres::StartMode::standby).end == instance::LocalEnd::crashed_standby);
}

TEST_CASE("only a clean shutdown says where the WAL ends") {
    CHECK(seen(postgres::ClusterState::shut_down).wal_end_known);
    CHECK(seen(postgres::ClusterState::shut_down).wal_end == Lsn{0x3000028 + 120});
    CHECK_FALSE(seen(postgres::ClusterState::in_production).wal_end_known);
    CHECK_FALSE(seen(postgres::ClusterState::shut_down_in_recovery, postgres::StartMode::standby).wal_end_known);
}

TEST_CASE("what a standby has replayed for certain is the least that it holds") {
    auto usable = data(postgres::ClusterState::shut_down_in_recovery, postgres::StartMode::standby);
    usable.control.min_recovery_point = Lsn{0x5000100};
    CHECK(local_data(usable, {Timeline{2}, {}}, 15).wal_end == Lsn{0x5000100});
}

TEST_CASE("the timeline is the one that replay has reached, not only that of the last checkpoint") {
    auto usable = data(postgres::ClusterState::shut_down_in_recovery, postgres::StartMode::standby);
    CHECK(timeline_of(usable) == Timeline{2});
    usable.control.min_recovery_timeline = Timeline{3};
    CHECK(timeline_of(usable) == Timeline{3});
}

TEST_CASE("a standby whose WAL receiver has ended still reaches as far as it received, on that timeline") {
    const Position streamed{Timeline{2}, Lsn{0x5000000}};
    // A switchover's last WAL came, and the receiver that knew of the timeline ended before the next look.
    CHECK(further(streamed, {Timeline{1}, Lsn{0x50000a0}}) == Position{Timeline{2}, Lsn{0x50000a0}});
    CHECK(further(streamed, {Timeline{1}, Lsn{0x4000000}}) == streamed);
    CHECK(further(streamed, {Timeline{3}, Lsn{0x5000000}}) == Position{Timeline{3}, Lsn{0x5000000}});
}

TEST_CASE("a copy is unfinished until its replay has reached the end of the copying") {
    auto usable = data(postgres::ClusterState::in_archive_recovery, postgres::StartMode::standby);
    CHECK_FALSE(is_unfinished_copy(usable));
    usable.backup_label = true;
    CHECK(is_unfinished_copy(usable));
    usable.backup_label = false;
    usable.control.backup_start = Lsn{0x3000028};
    CHECK(is_unfinished_copy(usable));
}
