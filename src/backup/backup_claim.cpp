#include "backup/backup_claim.hpp"

#include <algorithm>

namespace pgbosun::backup {
namespace {

constexpr std::string_view parent_word = "parent ";

}  // namespace

std::string render(const BackupClaim& claim) {
    std::string text = claim.instance + "\n";
    if (claim.parent) text += std::string(parent_word) + claim.parent->text() + "\n";
    return text;
}

BackupClaim parse_claim(std::string_view text) {
    BackupClaim claim;
    claim.instance = text.substr(0, text.find('\n'));
    for (text.remove_prefix(std::min(text.size(), claim.instance.size() + 1)); !text.empty();) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.starts_with(parent_word)) claim.parent = BackupId::parse(line.substr(parent_word.size()));
    }
    return claim;
}

}  // namespace pgbosun::backup
