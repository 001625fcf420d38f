#include "object_store/store_answers.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::object_store {

Result<ObjectFacts> facts_of(const std::string& key, const HttpAnswer& answer, const std::string& metadata_prefix) {
    ObjectFacts facts{.key = key, .size = 0, .metadata = {}};
    const auto length = answer.headers.find("content-length");
    const std::string digits = length == answer.headers.end() ? "" : length->second;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), facts.size);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        return fail(FaultKind::unavailable, "the store does not tell the size of " + key);
    }
    for (const auto& [name, value] : answer.headers) {
        if (name.starts_with(metadata_prefix)) facts.metadata[name.substr(metadata_prefix.size())] = value;
    }
    return facts;
}

Listing relative(S3Page page, const std::string& root, const std::string& prefix, const std::string& after) {
    const auto is_new = [&](const std::string& full) {
        return full.starts_with(root + prefix) && full.substr(root.size()) > after;
    };
    Listing listing;
    std::string last = after;
    for (auto& object : page.objects) {
        if (!is_new(object.key)) continue;
        object.key.erase(0, root.size());
        last = std::max(last, object.key);
        listing.objects.push_back(std::move(object));
    }
    for (const auto& full : page.prefixes) {
        if (!is_new(full)) continue;
        listing.prefixes.push_back(full.substr(root.size()));
        last = std::max(last, listing.prefixes.back());
    }
    std::sort(listing.objects.begin(), listing.objects.end(),
              [](const ObjectFacts& left, const ObjectFacts& right) { return left.key < right.key; });
    std::sort(listing.prefixes.begin(), listing.prefixes.end());
    if (page.more == S3Page::More::yes) listing.next = page.token.empty() ? last : token_mark + page.token;
    return listing;
}

std::unexpected<Fault> absent(const std::string& key) { return fail(FaultKind::not_found, "the store has no " + key); }

std::unexpected<Fault> conflict(const std::string& key) {
    return fail(FaultKind::conflict, key + " exists already in the store");
}

}  // namespace pgbosun::object_store
