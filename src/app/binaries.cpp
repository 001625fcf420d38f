#include "app/binaries.hpp"

#include <algorithm>
#include <string_view>

#include "app/value_text.hpp"

namespace pgbosun::app {
namespace {

// ".../postgresql/17/bin": 17. Anything else sorts below every version.
std::int64_t version_of(std::string_view directory) {
    constexpr std::string_view end = "/bin";
    if (!directory.ends_with(end)) return -1;
    directory.remove_suffix(end.size());
    return parse_integer(directory.substr(directory.rfind('/') + 1)).value_or(-1);
}

}  // namespace

Result<std::string> choose_bin_dir(const BinaryPlaces& places) {
    if (!places.configured.empty()) return places.configured;
    if (places.in_path) return *places.in_path;
    const auto newest = std::ranges::max_element(places.installed, {}, version_of);
    if (newest == places.installed.end() || version_of(*newest) < 0) {
        return fail(FaultKind::not_found, "no PostgreSQL server was found in PATH or below /usr/lib/postgresql",
                    "install PostgreSQL, or name the directory of its programs in postgresql.bin_dir");
    }
    return *newest;
}

std::vector<std::string> path_directories(const std::string& path) {
    std::vector<std::string> directories;
    for (std::size_t begin = 0; begin <= path.size();) {
        const auto end = std::min(path.find(':', begin), path.size());
        const auto directory = path.substr(begin, end - begin);
        if (directory.starts_with('/')) directories.push_back(directory);
        begin = end + 1;
    }
    return directories;
}

}  // namespace pgbosun::app
