#include "backup/tar_inspection.hpp"

#include <utility>

#include "codec/crc32c.hpp"

namespace pgbosun::backup {

void TarInspection::restart() {
    reader_.restart();
    file_.reset();
    bytes_ = 0;
}

Result<> TarInspection::begin(const TarEntry& entry) {
    if (entry.type != TarEntry::Type::file) return {};
    file_ = InspectedFile{entry.path, entry.size, 0, {}};
    if (entry.size <= longest_looked_into && looks_into_(entry.path)) file_->text.emplace();
    return {};
}

Result<> TarInspection::content(std::span<const std::byte> piece) {
    bytes_ += piece.size();
    file_->crc32c = codec::crc32c(file_->crc32c, piece);
    if (file_->text) file_->text->append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
}

Result<> TarInspection::end() {
    if (!file_) return {};
    on_file_(*std::exchange(file_, {}));
    return {};
}

}  // namespace pgbosun::backup
