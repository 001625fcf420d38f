#include "supervision/local_data.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr std::uint64_t checkpoint_record = 120;
constexpr std::uint64_t page = 8192;
constexpr std::uint64_t page_header = 24;
constexpr std::uint64_t first_page_header = 40;

instance::LocalEnd end_of(const postgres::Usable& usable) {
    const auto state = usable.control.state;
    if (usable.start != postgres::StartMode::primary) {
        const bool clean =
            state == postgres::ClusterState::shut_down_in_recovery || state == postgres::ClusterState::shut_down;
        return clean ? instance::LocalEnd::shut_down_in_recovery : instance::LocalEnd::crashed_standby;
    }
    if (state == postgres::ClusterState::shut_down) return instance::LocalEnd::shut_down;
    if (state == postgres::ClusterState::shut_down_in_recovery) return instance::LocalEnd::shut_down_in_recovery;
    if (state == postgres::ClusterState::in_archive_recovery) return instance::LocalEnd::crashed_standby;
    return instance::LocalEnd::crashed_primary;
}

}  // namespace

Timeline timeline_of(const postgres::Usable& usable) {
    return std::max(usable.control.timeline, usable.control.min_recovery_timeline);
}

instance::LocalData local_data(const postgres::Usable& usable, wal::TimelineHistory history, int server_major) {
    instance::LocalData data;
    data.system_id = usable.control.system_id;
    data.server_major = server_major;
    data.end = end_of(usable);
    data.timeline = timeline_of(usable);
    data.history = std::move(history);
    data.rewindable = usable.control.data_checksum_version != 0 || usable.control.wal_log_hints;
    // How much WAL a standby has beyond what it has replayed is known when it runs; a crashed primary's after recovery.
    data.wal_end_known = data.end == instance::LocalEnd::shut_down;
    if (data.wal_end_known) {
        data.wal_end = end_of_shutdown_checkpoint(usable.control.checkpoint, usable.control.wal_segment_size);
    } else if (usable.start == postgres::StartMode::standby) {
        // PostgreSQL would not start on a history that leaves out what has been replayed so far.
        data.wal_end = usable.control.min_recovery_point;
    }
    data.unfinished = is_unfinished_copy(usable);
    data.held = std::max({data.wal_end, usable.control.checkpoint, usable.control.min_recovery_point});
    return data;
}

Lsn end_of_shutdown_checkpoint(Lsn begin, std::uint32_t segment_size) {
    std::uint64_t left = checkpoint_record;
    std::uint64_t at = begin.value;
    for (;;) {
        const std::uint64_t room = page - at % page;
        if (left <= room) return Lsn{at + left};
        left -= room;
        at += room;
        at += at % segment_size == 0 ? first_page_header : page_header;
    }
}

bool is_unfinished_copy(const postgres::Usable& usable) {
    return usable.backup_label || usable.control.backup_start != Lsn{} || usable.control.backup_end != Lsn{};
}

Position further(Position before, Position seen) {
    seen.timeline = std::max(seen.timeline, before.timeline);
    return std::max(before, seen);
}

}  // namespace pgbosun::supervision
