// The part of Performer that looks whether there is place for a server: no left-over processes, and room on the volume.
#include <string>
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/performer.hpp"
#include "supervision/volume_room.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration stray_look = 20ms;
constexpr Duration stray_rare_look = 1s;
constexpr Duration strays_die_within = 5s;

}  // namespace

Task<> Performer::clear_strays() {
    const Instant began = outside_.clock.now();
    bool told = false;
    for (;;) {
        const std::size_t left = outside_.processes.kill_strays(outside_.machine.data_directory);
        if (left == 0) break;
        if (!std::exchange(told, true)) log::warning("killing left-over processes of PostgreSQL", {{"count", left}});
        const bool long_since = outside_.clock.now() - began >= strays_die_within;
        // No deadline: nothing may be started beside them, and the end of the container ends them.
        if (long_since) {
            set_reason(std::to_string(left) + " left-over processes of PostgreSQL do not die",
                       "they wait for a disk: look at the storage below the volume");
        }
        co_await pause(outside_.loop, long_since ? stray_rare_look : stray_look);
    }
    if (outside_.clock.now() - began >= strays_die_within) clear_reason();
    calls_.answer(instance::StraysGone{});
}

Task<> Performer::check_room() {
    std::string path = settings_.data_directory() + "/pg_wal";
    const auto volume = co_await outside_.files.volume(std::move(path));
    const std::uint64_t segment =
        inspection_ && inspection_->usable ? inspection_->usable->control.wal_segment_size : 0;
    const bool enough = volume && volume->available_bytes >= room_with_wal(segment);
    if (enough) {
        clear_reason();
    } else {
        const std::string why = volume ? "the WAL volume has " + std::to_string(volume->available_bytes / 1024) +
                                             " kB left, less than one WAL segment of " +
                                             std::to_string(segment / 1024) + " kB"
                                       : volume.error().what;
        if (why != reason_)
            log::error("PostgreSQL is not started: " + why, {{"hint", "make room or enlarge the volume"}});
        set_reason(why, "make room or enlarge the volume; PostgreSQL then starts by itself");
    }
    calls_.answer(instance::RoomFound{enough});
}

}  // namespace pgbosun::supervision
