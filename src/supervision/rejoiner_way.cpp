// The part of Rejoiner that makes way for a clone: what becomes of the data that it replaces.
#include <algorithm>
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/old_data.hpp"
#include "supervision/rejoiner.hpp"
#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration volume_look = 1s;
constexpr std::uint64_t least_margin = std::uint64_t{64} << 20;  // WAL of the time that a clone takes
constexpr std::uint64_t margin_part = 20;                        // or so much of the data

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MB"; }

}  // namespace

Task<Result<>> Rejoiner::make_way(const Settings& settings, const Inspection& inspection, std::string conninfo,
                                  Left left) {
    ++copies_;
    const auto marker = co_await read_bootstrap_marker(outside_.files, settings);
    if (!marker) co_return std::unexpected(Fault{FaultKind::unavailable, marker.error().what, marker.error().hint});
    if (says_keeping(*marker)) {
        show("keeping the old data aside");
        co_return co_await bootstrapper_.old_data().keep(settings);
    }
    // What a clone that was not finished has left is no use to anybody. What pg_rewind has left may hold rows that nobody else has.
    const bool rewound = *marker == rewind_marker;
    if (!inspection.usable && !rewound) co_return Result<>();

    std::string path = kept_data(settings);
    const auto older = co_await outside_.files.inspect(std::move(path));
    if (!older && older.error().kind != FaultKind::not_found)
        co_return std::unexpected(Fault{FaultKind::unavailable, older.error().what, older.error().hint});
    const bool served = inspection.usable && inspection.usable->start == postgres::StartMode::primary;
    if (older && !served) {
        std::string why = "a clone that never streamed is made anew";
        co_return co_await give_up_data(settings, std::move(why));
    }
    const auto removed = co_await remove_kept_data(outside_, settings);
    if (!removed) co_return removed;

    const auto shortage = co_await missing_room(settings, std::move(conninfo));
    if (!shortage) {
        show("keeping the old data aside");
        co_return co_await bootstrapper_.old_data().keep(settings);
    }
    const std::string lack = "the clone needs " + megabytes(shortage->needed) + " and the volume has " +
                             megabytes(shortage->volume.available_bytes) + " of " +
                             megabytes(shortage->volume.total_bytes);
    if (shortage->volume.total_bytes < shortage->needed) {
        co_return fail(FaultKind::unavailable, "the volume is too small for a clone of the primary: " + lack,
                       "enlarge the volume; nothing on it has been touched");
    }
    if (left == Left::only_here) {
        co_return fail(FaultKind::unavailable,
                       "there is no room to keep the old data beside the clone, and WAL that only it has is neither "
                       "archived nor kept: " +
                           lack,
                       "enlarge the volume or make room on it, or bring the archive back; it goes on by itself");
    }
    std::string why = "the old data is not kept, for there is no room for it: " + lack;
    co_return co_await give_up_data(settings, std::move(why));
}

// Only while a primary answers that is to be cloned now.
Task<Result<>> Rejoiner::give_up_data(const Settings& settings, std::string why) {
    log::warning("the data here is removed before it is cloned anew: " + why,
                 {{"directory", settings.data_directory()}});
    Facts facts{{"directory", settings.data_directory()}};
    calls_.cloning("clone: " + why, std::move(facts));
    std::string text(given_up_marker);
    co_return co_await write_bootstrap_marker(outside_.files, settings, std::move(text));
}

// None: there is enough for both, or it is not known what is needed where.
Task<std::optional<Rejoiner::Shortage>> Rejoiner::missing_room(const Settings& settings, std::string conninfo) {
    if (conninfo == archive_source) co_return std::nullopt;
    std::string path = settings.data_directory();
    const auto elsewhere = co_await has_tablespaces(outside_.files, std::move(path));
    if (!elsewhere || *elsewhere) co_return std::nullopt;
    const auto size = co_await data_size(std::move(conninfo));
    path = settings.data_directory();
    const auto volume = co_await outside_.files.volume(std::move(path));
    if (!size || !volume) co_return std::nullopt;
    const std::uint64_t needed = *size + std::max(*size / margin_part, least_margin);
    if (volume->available_bytes >= needed) co_return std::nullopt;
    co_return Shortage{needed, *volume};
}

Task<> Rejoiner::forget_old_data(const Settings& settings) {
    const auto streamed = copies_;
    const auto forgotten = co_await remember_archive_clone(outside_.files, settings, ArchiveClone::none);
    if (!forgotten) log::warning("how this instance was cloned cannot be forgotten: " + forgotten.error().what);
    for (;;) {
        std::string looked_for = kept_data(settings);
        const auto present = co_await outside_.files.inspect(std::move(looked_for));
        if (present || present.error().kind == FaultKind::not_found) break;
        co_await pause(outside_.loop, volume_look);  // a volume that does not answer says nothing of it
    }
    std::function<bool()> still = [this, streamed] { return copies_ == streamed; };
    const auto end = co_await retire_kept_data(outside_, settings, std::move(still));
    if (!end) {
        log::warning("the data that the clone has replaced cannot be removed: " + end.error().what,
                     {{"hint", end.error().hint}});
    } else if (*end == OldDataEnd::removed) {
        log::info("the data that the clone has replaced is removed", {{"directory", kept_data(settings)}});
    } else if (*end == OldDataEnd::kept) {
        log::info("the data that the clone has replaced is kept, as bootstrap.keep_replaced_data says",
                  {{"directory", replaced_data(settings)}});
    }
}

}  // namespace pgbosun::supervision
