#include "pgbosun/backup_name.hpp"

#include <algorithm>
#include <array>

namespace pgbosun {
namespace {

constexpr std::size_t longest = 255;
constexpr std::array<std::string_view, 9> reserved{"latest", "oldest",    "first",       "last",       "auto",
                                                   "None",   "last-full", "latest-full", "last-failed"};

}  // namespace

bool is_backup_identifier(std::string_view text) {
    constexpr std::string_view form = "00000000T000000";
    return std::ranges::equal(text, form, [](char letter, char meant) {
        return meant == '0' ? letter >= '0' && letter <= '9' : letter == meant;
    });
}

Result<> check_backup_name(std::string_view name) {
    const auto bad = [](std::string_view why) {
        return fail(FaultKind::refused, "the backup's name " + std::string(why), "choose another name");
    };
    if (name.empty() || name.size() > longest) return bad("is empty or longer than 255 bytes");
    if (std::ranges::find(reserved, name) != reserved.end()) return bad("means something else already");
    if (is_backup_identifier(name)) return bad("is an identifier of a backup");
    const auto control = [](unsigned char byte) { return byte < 0x20 || byte == 0x7F; };
    if (name.front() == ' ' || name.back() == ' ' || std::ranges::any_of(name, control)) {
        return bad("begins or ends with a blank, or holds what is no text");
    }
    return {};
}

}  // namespace pgbosun
