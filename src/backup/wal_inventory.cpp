#include "backup/wal_inventory.hpp"

#include <algorithm>
#include <optional>

#include "archive/layout.hpp"

namespace pgbosun::backup {
namespace {

// "" or the directory with its '/'.
std::string_view directory_of(std::string_view below) {
    const auto slash = below.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : below.substr(0, slash + 1);
}

}  // namespace

std::optional<wal::ArchiveName> name_below_wals(std::string_view below) {
    const auto directory = directory_of(below);
    const auto file = codec::without_extension(below.substr(directory.size()));
    const auto name = wal::parse_archive_name(file);
    if (!name) return std::nullopt;
    const bool is_history = std::holds_alternative<wal::HistoryFile>(*name);
    const bool at_home =
        is_history ? directory.empty() : directory.size() == 17 && directory.substr(0, 16) == file.substr(0, 16);
    if (!at_home) return std::nullopt;
    return name;
}

void WalInventory::add_foreign(std::string_view below) {
    ++foreign_;
    if (foreign_examples_.size() < most_examples) foreign_examples_.emplace_back(below);
}

void WalInventory::add_empty(std::string_view below) {
    ++empty_;
    if (empty_examples_.size() < most_examples) empty_examples_.emplace_back(below);
}

void WalInventory::add(std::string_view below) {
    const auto name = name_below_wals(below);
    if (!name) return add_foreign(below);
    if (const auto* segment = std::get_if<wal::Segment>(&*name)) {
        segments_.push_back(segment->name);
    } else if (const auto* history = std::get_if<wal::HistoryFile>(&*name)) {
        histories_.emplace(history->timeline, below);
    } else if (std::holds_alternative<wal::PartialSegment>(*name)) {
        ++partials_;
    } else {
        ++backup_histories_;
    }
}

void WalInventory::finish() {
    std::ranges::sort(segments_);
    for (std::size_t at = 1; at < segments_.size(); ++at) {
        const bool again = segments_[at] == segments_[at - 1];
        if (again && (duplicates_.empty() || duplicates_.back() != segments_[at])) duplicates_.push_back(segments_[at]);
    }
    const auto rest = std::ranges::unique(segments_);
    segments_.erase(rest.begin(), rest.end());
}

bool WalInventory::has(wal::SegmentName name) const { return std::ranges::binary_search(segments_, name); }

}  // namespace pgbosun::backup
