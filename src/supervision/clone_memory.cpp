#include "supervision/clone_memory.hpp"

#include <string>
#include <utility>

namespace pgbosun::supervision {
namespace {

constexpr std::size_t longest_memory = 4096;
constexpr std::string_view restored = "restored\n";
constexpr std::string_view failed = "failed\n";

std::string memory_path(const Settings& settings) { return settings.state_directory() + "/archive-clone"; }

}  // namespace

Task<Result<ArchiveClone>> recall_archive_clone(FileSystem& files, const Settings& settings) {
    std::string path = memory_path(settings);
    const auto text = co_await files.read(std::move(path), longest_memory);
    if (!text && text.error().kind == FaultKind::not_found) co_return ArchiveClone::none;
    if (!text) co_return std::unexpected(text.error());
    co_return *text == restored ? ArchiveClone::restored : ArchiveClone::failed;
}

Task<Result<>> remember_archive_clone(FileSystem& files, const Settings& settings, ArchiveClone last) {
    std::string path = memory_path(settings);
    if (last == ArchiveClone::none) {
        std::string name = path;
        const auto there = co_await files.inspect(std::move(name));
        if (!there && there.error().kind == FaultKind::not_found) co_return Result<>();
        co_return co_await files.remove_durably(std::move(path));
    }
    std::string text(last == ArchiveClone::restored ? restored : failed);
    co_return co_await files.write_durably(std::move(path), std::move(text));
}

}  // namespace pgbosun::supervision
