#include "backup/catalog.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <thread>
#include <tuple>

namespace pgbosun::backup {
namespace {

constexpr std::size_t requests_at_once = 8;
constexpr std::size_t longest_keep = 64;  // bytes

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

Keep keep_of(std::string_view text) {
    // Somebody wants it kept, whatever else it says.
    return text.starts_with("standalone") ? Keep::standalone : Keep::full;
}

}  // namespace

std::optional<BackupId> Backup::parent() const {
    if (!info) return claim ? claim->parent : std::nullopt;
    const auto found = info->remarks.find(std::string(remark::parent));
    if (found == info->remarks.end()) return std::nullopt;
    return BackupId::parse(found->second);
}

// What a listing says of a backup.
struct Catalog::Found {
    BackupId id;
    Kind kind = Kind::full;
    bool has_info = false, has_keep = false, has_claim = false, has_manifest = false, has_more = false;
    // Barman removes what it knows. A backup that is under way has its claim, or is Barman's and has no manifest.
    [[nodiscard]] bool is_left_over() const { return has_manifest && !has_info && !has_claim && !has_more; }
    std::uint64_t stored = 0;
    std::optional<WallTime> changed_at;
};

Result<std::vector<Catalog::Found>> Catalog::list_objects(Kind kind, const std::string& below) {
    const std::string base = base_prefix(server_, kind);
    std::vector<Found> found;
    std::optional<std::string> after;
    do {
        auto page = store_.list(base + below, "", after);
        if (!page) return std::unexpected(std::move(page).error().in("listing the backups"));
        for (const auto& object : page->objects) {
            const auto name = std::string_view(object.key).substr(base.size());
            const auto slash = std::min(name.find('/'), name.size());
            const auto id = BackupId::parse(name.substr(0, slash));
            if (!id || slash == name.size()) continue;
            if (found.empty() || found.back().id != *id) found.push_back({.id = *id, .kind = kind});
            const auto file = name.substr(slash + 1);
            if (file == "backup.info") found.back().has_info = true;
            if (file == claim_name) found.back().has_claim = true;
            if (file == "annotations/keep") found.back().has_keep = true;
            if (file == "backup_manifest.zst") found.back().has_manifest = true;
            if (file.find(".tar") != std::string_view::npos) found.back().has_more = true;
            found.back().stored += object.size;
            found.back().changed_at = std::max(found.back().changed_at, object.modified);
        }
        after = std::move(page->next);
    } while (after);
    return found;
}

Result<std::string> Catalog::read_text(const std::string& key, std::size_t limit) {
    std::string text;
    const auto take = [&](std::span<const std::byte> piece) -> Result<> {
        if (text.size() + piece.size() > limit) return fail(FaultKind::corrupt, key + " is too long");
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        return {};
    };
    const auto got = store_.get(key, take, [&text] { text.clear(); });
    if (!got) return std::unexpected(Fault(got.error()));
    return text;
}

Result<Backup> Catalog::read_one(const Found& found) {
    Backup backup{.id = found.id,
                  .kind = found.kind,
                  .info = fail(FaultKind::not_found, "it has no backup.info: it was killed, or is under way"),
                  .stored = found.stored,
                  .over = found.is_left_over(),
                  .changed_at = found.changed_at};
    if (backup.over) backup.info = fail(FaultKind::not_found, "it has no backup.info: a rest of one that was removed");
    const auto is_answer = [](const Fault& fault) {
        return fault.kind == FaultKind::not_found || fault.kind == FaultKind::corrupt;
    };
    if (found.has_info) {
        auto text = read_text(backup_info_key(server_, found.id, found.kind), longest_backup_info);
        if (!text && !is_answer(text.error())) return std::unexpected(std::move(text).error());
        if (text) {
            backup.info = parse_backup_info(*text);
        } else if (text.error().kind == FaultKind::corrupt) {
            backup.info = std::unexpected(std::move(text).error());
        }
    }
    if (found.has_claim && !found.has_info) {
        const auto text = read_text(claim_key(server_, found.id, found.kind), longest_claim);
        if (!text && !is_answer(text.error())) return std::unexpected(text.error());
        if (text) backup.claim = parse_claim(*text);
    }
    if (found.has_keep) {
        const auto text = read_text(keep_key(server_, found.id, found.kind), longest_keep);
        if (!text && !is_answer(text.error())) return std::unexpected(text.error());
        if (text || text.error().kind == FaultKind::corrupt) backup.keep = keep_of(text.value_or(""));
    }
    return backup;
}

Result<std::vector<Backup>> Catalog::read(const std::vector<Found>& found) {
    std::vector<std::optional<Backup>> backups(found.size());
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Fault> fault;  // guarded by mutex
    const auto work = [&] {
        for (std::size_t at = next++; at < found.size(); at = next++) {
            auto backup = read_one(found[at]);
            if (backup) {
                backups[at] = std::move(*backup);
                continue;
            }
            const std::lock_guard lock(mutex);
            if (!fault) fault = std::move(backup).error().in("reading backup " + found[at].id.text());
            next = found.size();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t at = 1; at < std::min(requests_at_once, found.size()); ++at) threads.emplace_back(work);
        work();
    }
    if (fault) return std::unexpected(std::move(*fault));
    std::vector<Backup> list;
    list.reserve(backups.size());
    for (auto& backup : backups) list.push_back(std::move(*backup));
    return list;
}

Result<std::vector<Catalog::Found>> Catalog::list_both() {
    auto found = list_objects(Kind::full, "");
    if (!found) return found;
    auto incremental = list_objects(Kind::incremental, "");
    if (!incremental) return incremental;
    found->insert(found->end(), incremental->begin(), incremental->end());
    std::ranges::sort(*found, {}, [](const Found& it) { return std::tie(it.id, it.kind); });
    return found;
}

Result<std::vector<Backup>> Catalog::list() {
    const auto found = list_both();
    if (!found) return std::unexpected(found.error());
    return read(*found);
}

Result<std::vector<Backup>> Catalog::begun_after(const BackupId& id) {
    auto found = list_both();
    if (!found) return std::unexpected(std::move(found).error());
    std::erase_if(*found, [&](const Found& it) { return it.id <= id; });
    return read(*found);
}

Result<Backup> Catalog::again(const Backup& backup) {
    const auto found = list_objects(backup.kind, backup.id.text() + "/");
    if (!found) return std::unexpected(found.error());
    if (found->empty()) return fail(FaultKind::not_found, "backup " + backup.id.text() + " is gone");
    return read_one(found->front());
}

Result<Backup> Catalog::find(const std::string& reference) {
    const auto absent = [&] {
        return fail(FaultKind::not_found, "there is no backup \"" + reference + "\" of " + server_,
                    "see pgbosun backup list");
    };
    if (const auto id = BackupId::parse(reference)) {
        for (const auto kind : {Kind::full, Kind::incremental}) {
            const auto found = list_objects(kind, id->text() + "/");
            if (!found) return std::unexpected(found.error());
            if (!found->empty()) return read_one(found->front());
        }
        return absent();
    }
    auto backups = list();
    if (!backups) return std::unexpected(std::move(backups).error());
    if (reference == "latest") {
        const auto newest = std::ranges::find_if(backups->rbegin(), backups->rend(), &Backup::done);
        return newest == backups->rend() ? Result<Backup>(absent()) : std::move(*newest);
    }
    const auto is_meant = [&](const Backup& it) {
        return reference == "oldest" ? it.done() : it.info && it.info->name == reference;
    };
    const auto first = std::ranges::find_if(*backups, is_meant);
    if (first == backups->end()) return absent();
    if (reference != "oldest" && std::find_if(first + 1, backups->end(), is_meant) != backups->end()) {
        return fail(FaultKind::refused, "more than one backup has the name \"" + reference + "\"",
                    "give an identifier; see pgbosun backup list");
    }
    return std::move(*first);
}

Result<std::vector<ObjectFacts>> Catalog::objects(const Backup& backup) {
    std::vector<ObjectFacts> objects;
    std::optional<std::string> after;
    do {
        auto page = store_.list(backup_prefix(server_, backup.id, backup.kind), "", after);
        if (!page) return std::unexpected(std::move(page).error().in("listing backup " + backup.id.text()));
        std::ranges::move(page->objects, std::back_inserter(objects));
        after = std::move(page->next);
    } while (after);
    return objects;
}

Result<> Catalog::set_keep(const Backup& backup, Keep keep) {
    const auto key = keep_key(server_, backup.id, backup.kind);
    if (keep == Keep::none) return store_.remove({key});
    return store_.put(key, bytes_of(keep == Keep::full ? "full" : "standalone"), {});
}

Result<> Catalog::replace_info(const Backup& backup, const BackupInfo& info) {
    return store_.put(backup_info_key(server_, backup.id, backup.kind), bytes_of(render(info)), {});
}

// Of one that has no end, whoever takes it and whoever removes it put the same object if it is absent: one of them does.
Result<> Catalog::mark_as_going(const Backup& backup) {
    const bool endless = !backup.info && backup.info.error().kind == FaultKind::not_found;
    if (!backup.done() && !endless) return {};
    BackupInfo info = backup.info.value_or(BackupInfo{});
    info.status = BackupStatus::failed;
    info.error = being_deleted;
    if (!endless) return replace_info(backup, info);
    const auto key = backup_info_key(server_, backup.id, backup.kind);
    auto marked = store_.put_if_absent(key, bytes_of(render(info)), {});
    if (marked || marked.error().kind != FaultKind::conflict) return marked;
    // Another one removes it too, or our own mark came there before its answer did.
    const auto now = again(backup);
    if (now && now->info && now->info->error == being_deleted) return {};
    return fail(FaultKind::conflict, "backup " + backup.id.text() + " has come to its end meanwhile");
}

Result<> Catalog::remove(const Backup& backup) {
    if (auto marked = mark_as_going(backup); !marked) return marked;
    const auto found = objects(backup);
    if (!found) return std::unexpected(found.error());
    const auto info_key = backup_info_key(server_, backup.id, backup.kind);
    const auto mark = keep_key(server_, backup.id, backup.kind);
    const bool marked_now = std::ranges::find(*found, mark, &ObjectFacts::key) != found->end();
    const bool kept_meanwhile = backup.keep == Keep::none && marked_now;
    if (kept_meanwhile && backup.done()) {
        // Whoever did looks at the backup after that, and says that it was too late when it sees our mark.
        if (auto back = replace_info(backup, *backup.info); !back) return back;
        return fail(FaultKind::conflict, "backup " + backup.id.text() + " was marked with keep meanwhile");
    }
    std::vector<std::string> keys;
    for (const auto& object : *found) {
        if (object.key != info_key) keys.push_back(object.key);
    }
    if (!keys.empty()) {
        if (auto removed = store_.remove(keys); !removed) return removed;
    }
    return store_.remove({info_key});
}

}  // namespace pgbosun::backup
