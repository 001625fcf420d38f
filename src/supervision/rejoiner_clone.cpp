// The part of Rejoiner that chooses where a clone comes from, and makes it.
#include <utility>

#include "pgbosun/log.hpp"
#include "supervision/catalog_look.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/rejoiner.hpp"
#include "supervision/upstream.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

// An archive that tells its catalog later than that is not the quicker source.
constexpr Duration catalog_patience = 2min;

Fault cancelled() { return {FaultKind::cancelled, "the rejoin was cancelled", ""}; }

Rejoiner::Report not_done(Fault fault) {
    return {instance::BootstrapOutcome::failed, false, std::move(fault.what), std::move(fault.hint)};
}

std::string position_text(const Position& position) {
    return std::to_string(number(position.timeline)) + "@" + to_string(position.lsn);
}

Rejoiner::Facts facts_of(const instance::CloneChoice& choice, const instance::Upstream& upstream,
                         std::optional<std::uint64_t> data_bytes) {
    Rejoiner::Facts facts{{"primary", position_text(upstream.position)}};
    if (data_bytes) facts.emplace_back("data_bytes", std::to_string(*data_bytes));
    if (!choice.backup) return facts;
    const auto& backup = *choice.backup;
    facts.emplace_back("backup", backup.id);
    facts.emplace_back("backup_begin", position_text(backup.begin));
    facts.emplace_back("backup_end", to_string(backup.end));
    if (backup.ended_at) facts.emplace_back("backup_end_at", to_iso8601(*backup.ended_at));
    facts.emplace_back("backup_bytes", std::to_string(backup.bytes));
    facts.emplace_back("wal_bytes", std::to_string(backup.wal_bytes));
    return facts;
}

}  // namespace

Task<Rejoiner::Report> Rejoiner::copy(const Settings& settings, std::string conninfo,
                                      const instance::Upstream& upstream) {
    if (conninfo == archive_source) co_return co_await copy_of_source(settings, upstream);
    const auto last = co_await recall_archive_clone(outside_.files, settings);
    if (!last) co_return not_done(last.error());
    std::optional<instance::WeighedBackup> backup;
    if (settings.archive && settings.bootstrap.clone_from != CloneFrom::primary && !has_foreign_wal()) {
        if (*last == ArchiveClone::none) {
            std::string whom = conninfo;
            backup = co_await backup_to_clone(settings, std::move(whom), upstream);
        } else {
            tell("clone: from the primary, for the last one from the archive has not come to stream", {});
        }
    }
    progress_.reset();  // the bootstrapper shows its own
    if (cancelled_) co_return not_done(cancelled());
    if (backup) {
        std::string id = backup->id;
        wal::TimelineHistory history = wal::history_of(upstream.history, backup->begin.timeline);
        auto restored = co_await bootstrapper_.clone_backup(settings, std::move(id), std::move(history));
        // It has the archive's WAL, and is compared with the primary's when that has made it whole.
        if (restored.outcome == instance::BootstrapOutcome::done)
            co_return Report{restored.outcome, false, {}, {}, true};
        if (cancelled_) co_return not_done(cancelled());
        log::warning("the clone from the archive failed: " + restored.reason, {{"hint", restored.hint}});
        tell("clone: from the primary, for the restore of the backup failed",
             {{"backup", backup->id}, {"reason", restored.reason}});
    }
    if (backup || *last == ArchiveClone::restored) {
        const auto noted = co_await remember_archive_clone(outside_.files, settings, ArchiveClone::failed);
        if (!noted) co_return not_done(noted.error());
    }
    auto cloned = co_await bootstrapper_.clone_from(settings, std::move(conninfo));
    co_return Report{cloned.outcome, true, std::move(cloned.reason), std::move(cloned.hint)};
}

void Rejoiner::tell(const std::string& what, Facts facts) {
    log::info(what);
    calls_.cloning(what, std::move(facts));
}

// None: pg_basebackup makes the clone.
Task<std::optional<instance::WeighedBackup>> Rejoiner::backup_to_clone(const Settings& settings, std::string conninfo,
                                                                       const instance::Upstream& upstream) {
    show("looking at the archive");
    const auto archive = co_await look_at_archive();
    if (cancelled_) co_return std::nullopt;
    if (!archive) {
        log::warning("the archive cannot be looked at for a clone: " + archive.error().what,
                     {{"hint", archive.error().hint}});
        tell("clone: from the primary, for the archive cannot be looked at", {{"reason", archive.error().what}});
        co_return std::nullopt;
    }
    const auto data_bytes = co_await data_size(std::move(conninfo));
    auto choice = instance::choose_clone_source(settings.bootstrap.clone_from, *archive, upstream, data_bytes);
    const bool from_archive = choice.source == instance::CloneSource::archive;
    tell(std::string("clone: from the ") + (from_archive ? "archive" : "primary") + ", for " + std::string(choice.why),
         facts_of(choice, upstream, data_bytes));
    if (!from_archive) co_return std::nullopt;
    co_return std::move(choice.backup);
}

Task<Result<CatalogSummary>> Rejoiner::look_at_archive() {
    look_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_summary_line);
    auto summary = co_await look_at_catalog(outside_.archiver, *look_, catalog_patience);
    look_.reset();
    co_return summary;
}

// None: it is not known, which speaks against no backup.
Task<std::optional<std::uint64_t>> Rejoiner::data_size(std::string conninfo) {
    const auto session = co_await outside_.open_upstream(std::move(conninfo));
    if (!session) co_return std::nullopt;
    const auto size = co_await ask_data_size(**session);
    co_return size ? *size : std::nullopt;
}

}  // namespace pgbosun::supervision
