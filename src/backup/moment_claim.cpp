#include "backup/moment_claim.hpp"

#include <algorithm>
#include <span>

namespace pgbosun::backup {
namespace {

constexpr std::size_t longest_claim = 1000;  // bytes

}  // namespace

Result<MomentClaim> claim_moment(ObjectStore& store, const std::string& key, const std::string& text) {
    auto put = store.put_if_absent(key, std::as_bytes(std::span(text)), {});
    if (put) return MomentClaim::ours;
    if (put.error().kind != FaultKind::conflict) return std::unexpected(std::move(put.error()));
    std::string found;
    const auto take = [&](std::span<const std::byte> part) -> Result<> {
        const auto room = longest_claim - found.size();
        found.append(reinterpret_cast<const char*>(part.data()), std::min(part.size(), room));
        return {};
    };
    auto got = store.get(key, take, [&] { found.clear(); });
    if (got) return found == text ? MomentClaim::ours : MomentClaim::of_another;
    // Somebody has tidied up behind whoever had it; what cannot be deciphered is not ours either.
    const auto kind = got.error().kind;
    if (kind == FaultKind::not_found || kind == FaultKind::corrupt) return MomentClaim::of_another;
    return std::unexpected(std::move(got.error()));
}

}  // namespace pgbosun::backup
