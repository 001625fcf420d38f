#include "backup/tar_entry.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "backup/utf8.hpp"

namespace pgbosun::backup {
namespace {

// Places and lengths in a ustar header.
struct Place {
    std::size_t at, length;
};
constexpr Place name_place{0, 100}, mode_place{100, 8}, user_place{108, 8}, group_place{116, 8}, size_place{124, 12},
    time_place{136, 12}, sum_place{148, 8}, type_place{156, 1}, magic_place{257, 8}, prefix_place{345, 155};

constexpr std::uint64_t most_in_12 = (std::uint64_t{1} << 33) - 1;  // eleven octal digits
constexpr std::uint64_t most_in_8 = (std::uint64_t{1} << 21) - 1;   // seven
constexpr std::size_t extended_at_most = 3 * tar_block;             // its header, and records of a few hundred bytes

void put_text(std::string& block, Place place, std::string_view text) {
    assert(text.size() <= place.length);
    std::memcpy(block.data() + place.at, text.data(), text.size());
}

void put_octal(std::string& block, Place place, std::uint64_t value) {
    for (std::size_t digit = place.length - 1; digit-- > 0; value >>= 3) {
        block[place.at + digit] = static_cast<char>('0' + (value & 7));
    }
}

void put_checksum(std::string& block) {
    std::fill_n(block.begin() + sum_place.at, sum_place.length, ' ');
    std::uint32_t sum = 0;
    for (const unsigned char byte : block) sum += byte;
    put_octal(block, {sum_place.at, sum_place.length - 1}, sum);
    block[sum_place.at + sum_place.length - 2] = '\0';
}

std::string ustar_block(std::string_view prefix, std::string_view name, char type, const TarEntry& entry,
                        std::uint64_t size) {
    std::string block(tar_block, '\0');
    put_text(block, name_place, name.substr(0, name_place.length));
    put_text(block, prefix_place, prefix);
    put_octal(block, mode_place, entry.mode);
    put_octal(block, user_place, std::min<std::uint64_t>(entry.user, most_in_8));
    put_octal(block, group_place, std::min<std::uint64_t>(entry.group, most_in_8));
    put_octal(block, size_place, std::min(size, most_in_12));
    put_octal(block, time_place,
              std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(entry.modified, 0)), most_in_12));
    block[type_place.at] = type;
    put_text(block, magic_place, std::string_view("ustar\00000", 8));
    put_checksum(block);
    return block;
}

// "<length> <key>=<value>\n", where the length counts itself.
std::string record(std::string_view key, const std::string& value) {
    const std::size_t rest = 1 + key.size() + 1 + value.size() + 1;
    std::size_t length = rest + 1;
    while (rest + std::to_string(length).size() != length) ++length;
    return std::to_string(length) + " " + std::string(key) + "=" + value + "\n";
}

// Where the path is cut in prefix and name; nothing fits: {npos}.
std::size_t cut_of(std::string_view path) {
    if (path.size() <= name_place.length) return 0;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        const bool fits = slash > 0 && slash <= prefix_place.length && path.size() - slash - 1 <= name_place.length;
        if (fits && slash + 1 < path.size()) return slash;
    }
    return std::string_view::npos;
}

std::string padded(std::string text) {
    text.resize(text.size() + tar_padding(text.size()));
    return text;
}

}  // namespace

std::string tar_header(const TarEntry& entry) {
    const std::uint64_t size = entry.type == TarType::file ? entry.size : 0;
    const std::size_t cut = cut_of(entry.path);
    std::string records;
    if (cut == std::string_view::npos) {
        if (!is_utf8(entry.path)) records += record("hdrcharset", "BINARY");
        records += record("path", entry.path);
    }
    if (size > most_in_12) records += record("size", std::to_string(size));
    if (entry.user > most_in_8) records += record("uid", std::to_string(entry.user));
    if (entry.group > most_in_8) records += record("gid", std::to_string(entry.group));

    std::string header;
    if (!records.empty()) {
        header = ustar_block("", "././@PaxHeader", 'x', TarEntry{.mode = 0644}, records.size());
        header += padded(std::move(records));
    }
    const std::string_view path = entry.path;
    const bool split = cut != 0 && cut != std::string_view::npos;
    header += ustar_block(split ? path.substr(0, cut) : "", split ? path.substr(cut + 1) : path,
                          entry.type == TarType::directory ? '5' : '0', entry, size);
    return header;
}

std::uint64_t tar_entry_bytes(std::size_t path_length, std::uint64_t size) {
    return extended_at_most + path_length + tar_block + size + tar_padding(size);
}

}  // namespace pgbosun::backup
