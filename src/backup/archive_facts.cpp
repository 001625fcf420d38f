// What an archive has, read from the store.

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "archive/decoded_object.hpp"
#include "archive/layout.hpp"
#include "archive/stream_layout.hpp"
#include "backup/catalog_commands.hpp"
#include "wal/history.hpp"

namespace pgbosun::backup {
namespace {

// `file`: a key without wals_prefix().
Result<wal::TimelineHistory> read_history_file(Catalog& catalog, Timeline timeline, const std::string& file) {
    std::string text;
    const auto take = [&text](std::span<const std::byte> piece) -> Result<> {
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    const auto read =
        archive::read_decoded(catalog.store(), wals_prefix(catalog.server()) + file, codec::encoding_of_name(file),
                              wal::longest_history, take, [&text] { text.clear(); });
    if (!read) return std::unexpected(read.error());
    return wal::parse_history(timeline, text);
}

Result<> add_histories(Catalog& catalog, ArchiveFacts& facts) {
    for (const auto& [timeline, file] : facts.wal.histories()) {
        auto history = read_history_file(catalog, timeline, file);
        const bool answered = history || history.error().kind == FaultKind::corrupt ||
                              history.error().kind == FaultKind::refused ||
                              history.error().kind == FaultKind::not_found;
        if (!answered) return std::unexpected(Fault(history.error()).in("reading " + file));
        if (history) {
            facts.histories.emplace(timeline, std::move(*history));
        } else {
            facts.damaged_histories.emplace(timeline, std::move(history).error().what);
        }
    }
    return {};
}

using Pieces = std::map<wal::SegmentName, std::vector<archive::StreamPiece>>;

Result<> read_stream(Catalog& catalog, ArchiveFacts& facts) {
    const auto prefix = archive::stream_prefix(catalog.server());
    Pieces pieces;
    std::optional<std::string> after;
    do {
        auto page = catalog.store().list(prefix, "", after);
        if (!page) return std::unexpected(std::move(page).error().in("listing the pieces of WAL"));
        for (const auto& object : page->objects) {
            const auto below = std::string_view(object.key).substr(prefix.size());
            const auto slash = std::min(below.find('/'), below.size());
            const auto segment = wal::parse_segment_name(below.substr(0, slash));
            if (!segment || slash == below.size()) continue;
            if (auto piece = archive::parse_stream_piece(below.substr(slash + 1))) {
                pieces[*segment].push_back(*piece);
                facts.newest_wal_at = std::max(facts.newest_wal_at, object.modified);
            }
        }
        after = std::move(page->next);
    } while (after);
    for (auto& [segment, parts] : pieces) {
        const auto usable = archive::usable_pieces(std::move(parts));
        if (!usable.empty()) facts.streamed[segment] = usable.back().end;
    }
    return {};
}

}  // namespace

std::string wals_prefix(std::string_view server) { return std::string(server) + "/wals/"; }

Result<wal::TimelineHistory> read_history(Catalog& catalog, Timeline timeline) {
    const auto key = archive::wal_key(catalog.server(), wal::HistoryFile{timeline});
    const auto listing = catalog.store().list(key, "", std::nullopt);
    if (!listing) return std::unexpected(listing.error());
    for (const auto& object : listing->objects) {
        if (!archive::encoding_of_key(key, object.key)) continue;
        return read_history_file(catalog, timeline, object.key.substr(wals_prefix(catalog.server()).size()));
    }
    return fail(FaultKind::not_found, key + " is missing");
}

Result<Histories> read_histories(Catalog& catalog) {
    const auto prefix = wals_prefix(catalog.server());
    ArchiveFacts facts;
    std::optional<std::string> after;
    do {
        auto page = catalog.store().list(prefix, "/", after);
        if (!page) return std::unexpected(std::move(page).error().in("listing the histories"));
        for (const auto& object : page->objects) facts.wal.add(std::string_view(object.key).substr(prefix.size()));
        after = std::move(page->next);
    } while (after);
    facts.wal.finish();
    if (auto read = add_histories(catalog, facts); !read) return std::unexpected(std::move(read).error());
    return std::move(facts.histories);
}

Result<> each_wal_object(Catalog& catalog,
                         const std::function<void(std::string_view below, const ObjectFacts& object)>& take) {
    const auto prefix = wals_prefix(catalog.server());
    std::optional<std::string> after;
    do {
        auto page = catalog.store().list(prefix, "", after);
        if (!page) return std::unexpected(std::move(page).error().in("listing the WAL"));
        for (const auto& object : page->objects) take(std::string_view(object.key).substr(prefix.size()), object);
        after = std::move(page->next);
    } while (after);
    return {};
}

Result<ArchiveFacts> read_archive(Catalog& catalog) {
    ArchiveFacts facts;
    // The backups first: WAL that arrives meanwhile is more, never less.
    auto backups = catalog.list();
    if (!backups) return std::unexpected(std::move(backups).error());
    facts.backups = std::move(*backups);
    const auto listed = each_wal_object(catalog, [&facts](std::string_view below, const ObjectFacts& object) {
        object.size == 0 ? facts.wal.add_empty(below) : facts.wal.add(below);
        facts.newest_wal_at = std::max(facts.newest_wal_at, object.modified);
    });
    if (!listed) return std::unexpected(listed.error());
    facts.wal.finish();
    if (auto read = add_histories(catalog, facts); !read) return std::unexpected(std::move(read).error());
    if (auto read = read_stream(catalog, facts); !read) return std::unexpected(std::move(read).error());
    return facts;
}

}  // namespace pgbosun::backup
