#include "object_store/recent_absence.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t claims_limit = 10'000;

}  // namespace

std::string directory_of(const std::string& key) { return key.substr(0, key.rfind('/') + 1); }

RecentAbsence::Known RecentAbsence::claim(const std::string& key, Moment now) {
    const std::string directory = directory_of(key);
    const bool told = !directory_.empty() && directory == directory_ && key > from_ && now - asked_ <= absence_lifetime;
    last_directory_ = directory;
    last_claim_ = now;
    if (!told || claims_.contains(key)) return Known::unknown;
    if (keys_.contains(key)) return Known::present;
    begin(key);
    return Known::absent;
}

void RecentAbsence::release(const std::string& key, Moment now) {
    auto& claim = claims_[key];
    --claim.open;
    claim.ended = now;
    if (claims_.size() <= claims_limit) return;
    // Without a listing, no claim is needed to doubt it.
    directory_.clear();
    std::erase_if(claims_, [](const auto& entry) { return entry.second.open == 0; });
}

bool RecentAbsence::is_busy(const std::string& directory, Moment now) const {
    return !directory.empty() && directory == last_directory_ && now - last_claim_ <= absence_lifetime;
}

void RecentAbsence::learn(const std::string& directory, const std::string& from, const Listing& listing, Moment asked) {
    directory_.clear();
    if (listing.next) return;
    directory_ = directory;
    from_ = from;
    asked_ = asked;
    keys_.clear();
    for (const auto& object : listing.objects) keys_.insert(object.key);
    // What ended before the listing was asked for is in it.
    std::erase_if(claims_, [&](const auto& entry) { return entry.second.open == 0 && entry.second.ended < asked; });
}

}  // namespace pgbosun::object_store
