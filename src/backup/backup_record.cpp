#include "backup/backup_record.hpp"

#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "archive/wall_clock.hpp"
#include "backup/timestamp.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_pages = 10'000;  // of a listing
constexpr int most_claims = 10;     // seconds in which others may have begun

// Of what lies directly below the prefix: a backup's identifier is a "directory".
Result<> collect_ids(ObjectStore& store, const std::string& prefix, std::set<BackupId>& ids) {
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        const auto listing = store.list(prefix, "/", after);
        if (!listing) return std::unexpected(listing.error());
        for (const auto& directory : listing->prefixes) {
            const auto name = std::string_view(directory).substr(prefix.size());
            if (const auto id = BackupId::parse(name.substr(0, name.find('/')))) ids.insert(*id);
        }
        after = listing->next;
        if (!after) return {};
    }
    return fail(FaultKind::refused, store.describe() + "/" + prefix + " holds far more than backups");
}

Result<> remove_below(ObjectStore& store, const std::string& prefix, const std::string& but) {
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        const auto listing = store.list(prefix, "", after);
        if (!listing) return std::unexpected(listing.error());
        std::vector<std::string> keys;
        for (const auto& object : listing->objects) {
            if (object.key != but) keys.push_back(object.key);
        }
        if (auto removed = keys.empty() ? Result<>() : store.remove(keys); !removed) return removed;
        after = listing->next;
        if (!after) return {};
    }
    return {};
}

Result<std::string> read_small(ObjectStore& store, const std::string& key, std::size_t limit) {
    std::string text;
    const auto take = [&](std::span<const std::byte> piece) -> Result<> {
        if (text.size() + piece.size() > limit) return fail(FaultKind::corrupt, key + " is too long");
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    if (auto got = store.get(key, take, [&text] { text.clear(); }); !got) {
        return std::unexpected(std::move(got).error());
    }
    return text;
}

std::unexpected<Fault> removed_meanwhile(const BackupPlace& place) {
    return fail(FaultKind::not_found, "somebody removed backup " + place.id.text() + " while it was taken",
                "take it again");
}

// The claim goes with the data of a backup that somebody removes.
Result<> expect_claim(ObjectStore& store, const BackupPlace& place) {
    auto claim = read_small(store, claim_key(place.server, place.id, place.kind), longest_claim);
    if (!claim && claim.error().kind != FaultKind::not_found) return std::unexpected(std::move(claim.error()));
    if (!claim || *claim != render(place.claim)) return removed_meanwhile(place);
    return {};
}

}  // namespace

Result<BackupPlace> claim_backup(ObjectStore& store, const std::string& server, Kind kind, const BackupClaim& claim) {
    const std::string content = render(claim);
    std::set<BackupId> taken;
    for (const auto each : {Kind::full, Kind::incremental}) {
        auto collected = collect_ids(store, base_prefix(server, each), taken);
        if (!collected) return std::unexpected(std::move(collected.error()));
    }
    for (int attempt = 0; attempt < most_claims; ++attempt) {
        BackupPlace place{server, kind, BackupId::next(archive::wall_now(), taken), claim};
        const auto key = claim_key(server, place.id, kind);
        const auto made = store.put_if_absent(key, std::as_bytes(std::span(content)), {});
        if (!made && made.error().kind != FaultKind::conflict) return std::unexpected(made.error());
        if (made) {
            // The claims of the two kinds lie apart: whoever sees the other one gives way.
            const auto other = kind == Kind::full ? Kind::incremental : Kind::full;
            const auto rival = store.list(backup_prefix(server, place.id, other), "/", std::nullopt);
            if (!rival) return std::unexpected(rival.error());
            if (rival->objects.empty() && rival->prefixes.empty()) return place;
            if (auto gone = store.remove({key}); !gone) {
                return std::unexpected(std::move(gone.error()));
            }
        }
        taken.insert(place.id);
    }
    return fail(FaultKind::unavailable, "other instances begin a backup at the same moment, again and again");
}

// Nothing is replaced: who removes a backup without an end marks it first, under the same key.
Result<> record_done(ObjectStore& store, const BackupPlace& place, const BackupInfo& info) {
    if (auto ours = expect_claim(store, place); !ours) return ours;
    const auto text = render(info);
    const auto key = backup_info_key(place.server, place.id, place.kind);
    auto recorded = store.put_if_absent(key, std::as_bytes(std::span(text)), {});
    if (!recorded && recorded.error().kind != FaultKind::conflict) return recorded;
    if (!recorded) {
        // Ours came there before its answer did.
        const auto there = read_small(store, key, longest_backup_info);
        if (!there || *there != text) return removed_meanwhile(place);
    }
    // All of it may have gone between the two.
    if (auto ours = expect_claim(store, place); !ours && ours.error().kind == FaultKind::not_found) return ours;
    // The claim goes last: at no moment is it unknown what a backup builds on. One that stays says nothing any more.
    std::ignore = store.remove({claim_key(place.server, place.id, place.kind)});
    return {};
}

void record_failure(ObjectStore& store, const BackupPlace& place, BackupInfo info, const Fault& fault) {
    info.status = BackupStatus::failed;
    info.error = fault.text();
    info.remarks[std::string(remark::failed_at)] = to_timestamp(archive::wall_now());
    if (info.begin && !info.end) info.begin.reset();  // its segment is not known
    const auto text = render(info);
    const auto key = backup_info_key(place.server, place.id, place.kind);
    auto recorded = store.put(key, std::as_bytes(std::span(text)), {});
    if (recorded) {
        if (const auto aborted = store.abort_unfinished(place.prefix()); !aborted) {
            log::warning("Uploads that a failed backup left unfinished could not be aborted",
                         {{"backup", place.id.text()}, {"error", aborted.error().text()}});
        }
        recorded = remove_below(store, place.prefix(), key);
    }
    if (recorded) return;
    log::warning("What a failed backup left in the archive could not be removed; the next expire does",
                 {{"backup", place.id.text()}, {"error", recorded.error().text()}});
}

}  // namespace pgbosun::backup
