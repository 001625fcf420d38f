#include "supervision/volume_room.hpp"

#include <algorithm>

namespace pgbosun::supervision {

void VolumeRoom::look(std::vector<VolumeStatus>& volumes, WalPlace place, std::uint64_t wal_segment_size, Instant now) {
    for (auto& volume : volumes) {
        auto found = short_.find(volume.name);
        const bool known = volume.total_bytes > 0 && !volume.hangs_since;
        if (known) {
            const bool has_wal = volume.name == "wal" || place == WalPlace::on_data_volume;
            const std::uint64_t needed = has_wal ? room_with_wal(wal_segment_size) : room_beside_wal;
            const bool was_full = found != short_.end() && found->second.full;
            // What has been full for long needs more than the little that made it so.
            if (volume.available_bytes >= (was_full ? needed + needed / 4 : needed)) {
                short_.erase(volume.name);
                continue;
            }
            found = short_.try_emplace(volume.name, Shortage{now, false}).first;
        }
        if (found == short_.end()) continue;
        Shortage& it = found->second;
        it.full = it.full || (known && now - it.since >= longest_without_room);
        if (it.full) volume.full_since = it.since;
    }
}

bool takes_no_data(const InstanceStatus& status) {
    return std::ranges::any_of(status.volumes, [](const auto& it) { return it.name == "data" && it.full_since; });
}

bool lacks_room(const InstanceStatus& status) {
    return std::ranges::any_of(status.volumes, [](const auto& it) { return it.full_since.has_value(); });
}

}  // namespace pgbosun::supervision
