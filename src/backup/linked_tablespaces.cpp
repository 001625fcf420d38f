#include "backup/linked_tablespaces.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace pgbosun::backup {
namespace {

namespace fs = std::filesystem;

bool is_oid(std::string_view name, std::uint32_t& oid) {
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), oid);
    return error == std::errc{} && end == name.data() + name.size();
}

}  // namespace

Result<std::map<std::uint32_t, std::string>> linked_tablespaces(const std::string& data_directory) {
    const std::string directory = data_directory + "/pg_tblspc";
    std::map<std::uint32_t, std::string> found;
    std::error_code error;
    for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        std::uint32_t oid = 0;
        if (!is_oid(entry->path().filename().string(), oid)) continue;
        // One in place lies in the directory, and one that is just being dropped is of no matter.
        std::error_code is_no_link;
        auto place = fs::read_symlink(entry->path(), is_no_link);
        if (!is_no_link) found.emplace(oid, place.string());
    }
    if (!error || error == std::errc::no_such_file_or_directory) return found;
    const bool forbidden = error == std::errc::permission_denied;
    return fail(forbidden ? FaultKind::refused : FaultKind::unavailable,
                "cannot read " + directory + ": " + error.message(),
                "look at the volume, and at who owns the directory");
}

Result<> expect_no_younger_tablespace(const std::string& data_directory, const BackupInfo& backup,
                                      const std::string& hint) {
    const auto linked = linked_tablespaces(data_directory);
    if (!linked) return std::unexpected(linked.error());
    for (const auto& [oid, place] : *linked) {
        if (std::ranges::find(backup.tablespaces, oid, &Tablespace::oid) != backup.tablespaces.end()) continue;
        return fail(FaultKind::refused,
                    "the tablespace in " + place + " was made after the backup: recovery would write into it, and " +
                        data_directory + " uses it",
                    hint);
    }
    return {};
}

}  // namespace pgbosun::backup
