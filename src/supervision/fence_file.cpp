#include "supervision/fence_file.hpp"

#include <algorithm>

namespace pgbosun::supervision {

std::string fence_path(const Settings& settings) { return settings.state_directory() + "/fence"; }

std::string fence_text(const FenceStatus& fence) {
    std::string reason = fence.reason;
    std::replace_if(reason.begin(), reason.end(), [](char c) { return c == '\n' || c == '\0'; }, ' ');
    return fence.since + "\n" + reason + "\n";
}

FenceStatus parse_fence(std::string_view text) {
    FenceStatus fence;
    const auto end = text.find('\n');
    fence.since = text.substr(0, end);
    if (end != std::string_view::npos) {
        const auto rest = text.substr(end + 1);
        fence.reason = rest.substr(0, rest.find('\n'));
    }
    return fence;
}

}  // namespace pgbosun::supervision
