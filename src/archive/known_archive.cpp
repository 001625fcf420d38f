#include "archive/known_archive.hpp"

#include <array>
#include <fstream>

#include "archive/durable_file.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::size_t longest = 8192;  // bytes

std::string line_of(const std::string& place, SystemId system_id) {
    return std::to_string(number(system_id)) + " " + place + "\n";
}

}  // namespace

std::string KnownArchive::text() const {
    if (file_.empty()) return {};
    std::ifstream file(file_, std::ios::binary);
    std::array<char, longest> read{};
    file.read(read.data(), read.size());
    return {read.data(), static_cast<std::size_t>(file.gcount())};
}

bool KnownArchive::holds(const std::string& place) const {
    const std::string known = text();
    return known.ends_with(" " + place + "\n") && known.find('\n') == known.size() - 1;
}

bool KnownArchive::holds(const std::string& place, SystemId system_id) const {
    return text() == line_of(place, system_id);
}

std::string KnownArchive::of(SystemId system_id) const {
    const std::string known = text();
    const std::string begin = std::to_string(number(system_id)) + " ";
    if (!known.starts_with(begin) || !known.ends_with('\n')) return {};
    return known.substr(begin.size(), known.size() - begin.size() - 1);
}

Result<> KnownArchive::remember(const std::string& place, SystemId system_id) const {
    if (file_.empty() || holds(place, system_id)) return {};
    return write_durably(file_, line_of(place, system_id));
}

}  // namespace pgbosun::archive
