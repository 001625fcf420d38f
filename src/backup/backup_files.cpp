#include "backup/backup_files.hpp"

#include <algorithm>

#include "archive/decoded_object.hpp"

namespace pgbosun::backup {
namespace {

Result<std::string> read_text(ObjectStore& store, const std::string& key, archive::Encoding encoding,
                              std::size_t limit) {
    std::string text;
    const auto sink = [&](std::span<const std::byte> piece) -> Result<> {
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    if (auto read = archive::read_decoded(store, key, encoding, limit, sink, [&] { text.clear(); }); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return text;
}

}  // namespace

Result<> expect_tars(const Backup& backup) {
    const std::string name = "backup " + backup.id.text();
    if (!backup.done()) return fail(FaultKind::refused, name + " is not DONE", "choose another one");
    if (backup.info->snapshots) {
        return fail(FaultKind::refused, name + " is snapshots of volumes",
                    "restore the volumes where they are kept, or choose another backup");
    }
    return {};
}

Result<BackupFiles> open_backup(Catalog& catalog, const Backup& backup) {
    if (!backup.info) return std::unexpected(backup.info.error());
    const auto objects = catalog.objects(backup);
    if (!objects) return std::unexpected(objects.error());
    auto tars = tars_of(*backup.info, *objects);
    if (!tars) return std::unexpected(std::move(tars.error()).in("backup " + backup.id.text()));
    BackupFiles files;
    files.tars = std::move(*tars);
    for (const auto& tar : files.tars) files.stored += tar.size;
    const auto found =
        std::ranges::find(*objects, manifest_key(catalog.server(), backup.id, backup.kind), &ObjectFacts::key);
    if (found == objects->end()) return files;
    auto text = read_text(catalog.store(), found->key, archive::Encoding::zstd, longest_manifest);
    if (!text) return std::unexpected(std::move(text.error()));
    auto manifest = parse_manifest(*text);
    if (!manifest) return std::unexpected(std::move(manifest.error()).in(found->key));
    files.manifest = std::move(*text);
    files.check = std::make_unique<ManifestCheck>(std::move(manifest->files));
    return files;
}

}  // namespace pgbosun::backup
