#include "supervision/own_archive.hpp"

#include <utility>

#include "pgbosun/restored_copy.hpp"

namespace pgbosun::supervision {

Task<Result<>> own_archive_is_empty(const Settings& settings, const LookAtCatalog& look) {
    if (!settings.archive) co_return Result<>();
    const ArchiveSettings archive = *settings.archive;  // a reload may take it out of the settings meanwhile
    const auto summary = co_await look();
    if (!summary) co_return std::unexpected(Fault(summary.error()).in("the own archive"));
    if (summary->empty) co_return Result<>();
    co_return fail(FaultKind::conflict,
                   "the archive " + archive.destination + " has the server " + archive.server_name +
                       " already: the recovered cluster cannot archive there",
                   "give archive.server_name a name that is not in the archive yet");
}

Task<> judge_copy(const Settings& settings, const LookAtCatalog& look, Inspection& found) {
    if (!found.restored_copy || found.verdict != instance::VolumeVerdict::usable) co_return;
    if (found.usable->start == postgres::StartMode::standby) co_return;
    const auto empty = co_await own_archive_is_empty(settings, look);
    if (empty) co_return;
    const bool taken = empty.error().kind == FaultKind::conflict;
    found.verdict = taken ? instance::VolumeVerdict::refused : instance::VolumeVerdict::unreadable;
    found.reason = empty.error().what;
    found.hint = empty.error().hint;
}

Task<Result<>> forget_copy(FileSystem& files, const Settings& settings, const Inspection& found) {
    if (!found.restored_copy || !settings.archive) co_return Result<>();
    std::string path = settings.data_directory() + "/" + std::string(restored_copy_file);
    co_return co_await files.remove_durably(std::move(path));
}

}  // namespace pgbosun::supervision
