#include "backup/wal_removal.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "archive/stream_layout.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t keys_at_once = 1000;

// Pieces of segments that never became whole ones: what a primary that was lost had shipped last.
Result<> add_stream(Catalog& catalog, const WalExpiry& plan, std::vector<std::string>& keys) {
    const auto prefix = archive::stream_prefix(catalog.server());
    std::optional<std::string> after;
    do {
        const auto page = catalog.store().list(prefix, "", after);
        if (!page) return std::unexpected(Fault(page.error()).in("listing the stream"));
        for (const auto& object : page->objects) {
            const auto below = std::string_view(object.key).substr(prefix.size());
            const auto segment = wal::parse_segment_name(below.substr(0, below.find('/')));
            if (segment && plan.may_go(wal::Segment{*segment})) keys.push_back(object.key);
        }
        after = page->next;
    } while (after);
    return {};
}

}  // namespace

Result<std::uint64_t> remove_wal(Catalog& catalog, const std::optional<WalExpiry>& plan, DryRun dry_run) {
    if (!plan) return 0;
    std::vector<std::string> keys;
    const auto listed = each_wal_object(catalog, [&](std::string_view below, const ObjectFacts&) {
        const auto name = name_below_wals(below);
        if (name && plan->may_go(*name)) keys.push_back(wals_prefix(catalog.server()) + std::string(below));
    });
    if (!listed) return std::unexpected(listed.error());
    if (auto added = add_stream(catalog, *plan, keys); !added) return std::unexpected(std::move(added.error()));
    if (dry_run == DryRun::yes) return keys.size();
    for (std::size_t at = 0; at < keys.size(); at += keys_at_once) {
        const auto from = keys.begin() + static_cast<std::ptrdiff_t>(at);
        const auto to = keys.begin() + static_cast<std::ptrdiff_t>(std::min(keys.size(), at + keys_at_once));
        if (auto removed = catalog.store().remove({from, to}); !removed) {
            return std::unexpected(std::move(removed).error().in("removing WAL"));
        }
    }
    return keys.size();
}

}  // namespace pgbosun::backup
