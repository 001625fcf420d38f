#include "supervision/mirrored_slots.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr std::size_t longest_memory = 1024UL * 1024;

std::string memory_path(const Settings& settings) { return settings.state_directory() + "/mirrored-slots"; }

}  // namespace

Task<Result<std::vector<std::string>>> recall_mirrored_slots(FileSystem& files, const Settings& settings) {
    std::vector<std::string> names;
    std::string path = memory_path(settings);
    const auto text = co_await files.read(std::move(path), longest_memory);
    if (!text && text.error().kind == FaultKind::not_found) co_return names;
    if (!text) co_return std::unexpected(text.error());
    std::string_view rest = *text;
    for (auto end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
        names.emplace_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    std::ranges::sort(names);
    co_return names;
}

Task<Result<>> remember_mirrored_slots(FileSystem& files, const Settings& settings, std::vector<std::string> names) {
    const auto before = co_await recall_mirrored_slots(files, settings);
    std::ranges::sort(names);
    if (before && *before == names) co_return Result<>();
    std::string text;
    for (const auto& name : names) text.append(name).append("\n");
    std::string path = memory_path(settings);
    co_return co_await files.write_durably(std::move(path), std::move(text));
}

}  // namespace pgbosun::supervision
