#include "archive/listed_keys.hpp"

#include <utility>

namespace pgbosun::archive {
namespace {

constexpr int most_pages = 100;

}  // namespace

Result<std::vector<std::string>> listed_keys(ObjectStore& store, const std::string& prefix) {
    std::vector<std::string> keys;
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        auto listing = store.list(prefix, "", after);
        if (!listing) return std::unexpected(std::move(listing.error()));
        for (auto& object : listing->objects) keys.push_back(std::move(object.key));
        if (!listing->next) return keys;
        after = std::move(listing->next);
    }
    return fail(FaultKind::unavailable, "the listing of " + prefix + " does not end");
}

}  // namespace pgbosun::archive
