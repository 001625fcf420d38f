#include "supervision/left_slots.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/log.hpp"
#include "postgres/slot_names.hpp"
#include "supervision/mirrored_slots.hpp"

namespace pgbosun::supervision {
namespace {

constexpr std::size_t most_slots = 10'000;
// PostgreSQL names a slot so that it drops, and removes what is left of one when it starts (slot.c).
constexpr std::string_view dropped = ".tmp";

std::string slot_directory(const Settings& settings) { return settings.data_directory() + "/pg_replslot"; }

Task<Result<std::vector<std::string>>> left(FileSystem& files, const Settings& settings) {
    std::string path = slot_directory(settings);
    auto names = co_await files.list(std::move(path), most_slots);
    if (!names && names.error().kind == FaultKind::not_found) co_return std::vector<std::string>();
    if (!names) co_return names;
    std::erase_if(*names, [&](const std::string& name) {
        return name.ends_with(dropped) || postgres::is_excluded(name, settings.replication_slots.exclude_patterns);
    });
    co_return names;
}

}  // namespace

Task<Result<>> drop_slots(FileSystem& files, const Settings& settings) {
    const std::string directory = slot_directory(settings);
    const auto names = co_await left(files, settings);
    if (!names) co_return std::unexpected(names.error());
    for (const auto& name : *names) {
        std::string from = directory + "/" + name;
        std::string to = from + std::string(dropped);
        const auto renamed = co_await files.rename_durably(std::move(from), std::move(to));
        if (!renamed) co_return renamed;
        log::info("a replication slot of the former primary is dropped", {{"slot", name}});
    }
    co_return Result<>();
}

Task<Result<>> note_slots(FileSystem& files, const Settings& settings) {
    auto names = co_await left(files, settings);
    if (!names) co_return std::unexpected(names.error());
    if (names->empty()) co_return Result<>();
    const auto before = co_await recall_mirrored_slots(files, settings);
    if (!before) co_return std::unexpected(before.error());
    for (const auto& name : *before) {
        if (std::ranges::find(*names, name) == names->end()) names->push_back(name);
    }
    co_return co_await remember_mirrored_slots(files, settings, std::move(*names));
}

}  // namespace pgbosun::supervision
