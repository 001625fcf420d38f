#include "backup/tar_set.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace pgbosun::backup {
namespace {

using Parts = std::set<int>;
using Home = std::optional<std::uint32_t>;  // a tablespace's oid; none: the data directory

std::string describe(Home home) {
    return home ? "tablespace " + std::to_string(*home) : std::string("the data directory");
}

Result<> expect_all(Home home, const std::map<Home, Parts>& found) {
    const auto parts = found.find(home);
    if (parts == found.end()) return fail(FaultKind::corrupt, "there is no tar of " + describe(home));
    const auto last = static_cast<std::size_t>(*parts->second.rbegin());
    if (parts->second.size() == last + 1) return {};
    return fail(FaultKind::corrupt, "a part of the tars of " + describe(home) + " is missing: there are " +
                                        std::to_string(parts->second.size()) + " of " + std::to_string(last + 1));
}

}  // namespace

Result<std::vector<Tar>> tars_of(const BackupInfo& info, const std::vector<ObjectFacts>& objects) {
    std::set<std::uint32_t> wanted;
    for (const auto& tablespace : info.tablespaces) wanted.insert(tablespace.oid);
    std::vector<Tar> tars;
    std::map<Home, Parts> found;
    for (const auto& object : objects) {
        const auto name = parse_tar_name(std::string_view(object.key).substr(object.key.rfind('/') + 1));
        if (!name || (name->tablespace && !wanted.contains(*name->tablespace))) continue;
        if (!found[name->tablespace].insert(name->part).second) {
            return fail(FaultKind::corrupt, object.key + " lies there with another extension too",
                        "remove the one that does not belong to the backup");
        }
        tars.push_back({object.key, *name, object.size});
    }
    if (auto whole = expect_all(std::nullopt, found); !whole) return std::unexpected(std::move(whole.error()));
    for (const auto oid : wanted) {
        if (auto whole = expect_all(oid, found); !whole) return std::unexpected(std::move(whole.error()));
    }
    // The largest first, those of one size by name.
    std::ranges::sort(tars, [](const Tar& one, const Tar& other) {
        return std::tie(other.size, one.key) < std::tie(one.size, other.key);
    });
    return tars;
}

std::string manifest_path(const TarName& tar, const std::string& path) {
    return tar.tablespace ? "pg_tblspc/" + std::to_string(*tar.tablespace) + "/" + path : path;
}

}  // namespace pgbosun::backup
