#pragma once
// Compares the files that are read with what the manifest says of them. Any thread.

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "backup/manifest.hpp"
#include "backup/untar.hpp"

namespace pgbosun::backup {

class ManifestCheck {
public:
    explicit ManifestCheck(std::vector<ManifestFile> files);

    // corrupt: the file is another one. refused: the manifest does not know it. `path` as the manifest calls it.
    Result<> compare(const std::string& path, const UnpackedFile& file);
    // Paths that nobody compared, `most` of them at most.
    [[nodiscard]] std::vector<std::string> missing(std::size_t most) const;

private:
    std::vector<ManifestFile> files_;  // by path
    mutable std::mutex mutex_;
    std::vector<bool> seen_;  // of each of files_
};

}  // namespace pgbosun::backup
