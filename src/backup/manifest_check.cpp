#include "backup/manifest_check.hpp"

#include <algorithm>
#include <cstdio>

namespace pgbosun::backup {
namespace {

std::string hex(std::uint32_t value) {
    std::array<char, 9> text{};
    std::ignore = std::snprintf(text.data(), text.size(), "%08x", value);
    return text.data();
}

}  // namespace

ManifestCheck::ManifestCheck(std::vector<ManifestFile> files) : files_(std::move(files)), seen_(files_.size()) {
    std::ranges::sort(files_, {}, &ManifestFile::path);
}

Result<> ManifestCheck::compare(const std::string& path, const UnpackedFile& file) {
    const auto found = std::ranges::lower_bound(files_, path, {}, &ManifestFile::path);
    if (found == files_.end() || found->path != path) {
        return fail(FaultKind::refused, path + " is not in the manifest");
    }
    {
        const std::lock_guard lock(mutex_);
        seen_[static_cast<std::size_t>(found - files_.begin())] = true;
    }
    if (found->size != file.size) {
        return fail(FaultKind::corrupt, path + " has " + std::to_string(file.size) + " bytes, the manifest says " +
                                            std::to_string(found->size));
    }
    if (found->crc32c && *found->crc32c != file.crc32c) {
        return fail(FaultKind::corrupt,
                    path + " has the CRC-32C " + hex(file.crc32c) + ", the manifest says " + hex(*found->crc32c));
    }
    return {};
}

std::vector<std::string> ManifestCheck::missing(std::size_t most) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> paths;
    for (std::size_t at = 0; at < files_.size() && paths.size() < most; ++at) {
        if (!seen_[at]) paths.push_back(files_[at].path);
    }
    return paths;
}

}  // namespace pgbosun::backup
