#include "supervision/fence_file.hpp"

#include <algorithm>

namespace pgbosun::supervision {
namespace {

constexpr std::size_t longest_quoted = 200;

// As to_iso8601() writes it.
bool is_our_moment(std::string_view text) {
    constexpr std::string_view form = "0000-00-00T00:00:00.000Z";
    return std::ranges::equal(text, form, [](char letter, char meant) {
        return meant == '0' ? letter >= '0' && letter <= '9' : letter == meant;
    });
}

FenceStatus made_by_hand(std::string_view first_line, WallTime modified) {
    std::string quoted(first_line.substr(0, longest_quoted));
    std::ranges::replace_if(quoted, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    const bool blank = quoted.find_first_not_of(' ') == std::string::npos;
    return {blank ? "made by hand" : "made by hand: " + quoted, to_iso8601(modified)};
}

}  // namespace

std::string fence_path(const Settings& settings) { return settings.state_directory() + "/fence"; }

std::string fence_text(const FenceStatus& fence) {
    std::string reason = fence.reason;
    std::replace_if(reason.begin(), reason.end(), [](char c) { return c == '\n' || c == '\0'; }, ' ');
    return fence.since + "\n" + reason + "\n";
}

FenceStatus parse_fence(std::string_view text, WallTime modified) {
    const auto first = text.substr(0, text.find('\n'));
    if (!is_our_moment(first)) return made_by_hand(first, modified);
    FenceStatus fence;
    fence.since = first;
    if (first.size() < text.size()) {
        const auto rest = text.substr(first.size() + 1);
        fence.reason = rest.substr(0, rest.find('\n'));
    }
    return fence;
}

FenceStatus unreadable_fence(const Fault& why, WallTime modified) {
    return {"the fence on the volume cannot be read: " + why.what, to_iso8601(modified)};
}

}  // namespace pgbosun::supervision
