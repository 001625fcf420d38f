#include "supervision/left_slots.hpp"

#include <utility>

#include "pgbosun/log.hpp"

namespace pgbosun::supervision {
namespace {

constexpr std::size_t most_slots = 10'000;
// PostgreSQL names a slot so that it drops, and removes what is left of one when it starts (slot.c).
constexpr std::string_view dropped = ".tmp";

}  // namespace

Task<Result<>> drop_slots(FileSystem& files, const Settings& settings) {
    const std::string directory = settings.data_directory() + "/pg_replslot";
    std::string path = directory;
    const auto names = co_await files.list(std::move(path), most_slots);
    if (!names && names.error().kind == FaultKind::not_found) co_return Result<>();
    if (!names) co_return std::unexpected(names.error());
    for (const auto& name : *names) {
        if (name.ends_with(dropped)) continue;
        std::string from = directory + "/" + name;
        std::string to = from + std::string(dropped);
        const auto renamed = co_await files.rename_durably(std::move(from), std::move(to));
        if (!renamed) co_return renamed;
        log::info("a replication slot of the former primary is dropped", {{"slot", name}});
    }
    co_return Result<>();
}

}  // namespace pgbosun::supervision
