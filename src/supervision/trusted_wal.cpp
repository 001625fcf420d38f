#include "supervision/trusted_wal.hpp"

#include <optional>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "postgres/configuration.hpp"
#include "supervision/local_wal.hpp"

namespace pgbosun::supervision {
namespace {

constexpr Duration patience = std::chrono::milliseconds(100);

}  // namespace

TrustedWal::TrustedWal(Surroundings& outside, const Settings& settings, Record record)
    : outside_(outside), settings_(settings), record_(std::move(record)), marked_(outside.loop) {}

void TrustedWal::begin(Timeline known, std::uint32_t segment_bytes) {
    if (!settings_.archive || marking_) return;
    marking_ = true;
    spawn(outside_.loop, mark_of_standby(known, segment_bytes));
}

Task<> TrustedWal::wait() {
    if (!marking_) co_return;
    co_await marked_.wait(patience);
    if (marking_) log::warning("the promotion no longer waits for WAL to be marked for the archive, which goes on");
}

Task<> TrustedWal::finish(PgSession& session, std::uint32_t segment_bytes) {
    if (!settings_.archive) co_return;
    auto reach = co_await reach_before_promotion(session);
    co_await mark(std::move(reach), segment_bytes);
}

Task<> TrustedWal::mark_of_standby(Timeline known, std::uint32_t segment_bytes) {
    const auto session = outside_.open_session("postgres", std::string(postgres::superuser));
    auto reach = co_await reach_of_standby(*session, known, segment_bytes);
    co_await mark(std::move(reach), segment_bytes);
    marking_ = false;
    marked_.announce();
}

Task<> TrustedWal::mark(Result<wal::Reach> reach, std::uint32_t segment_bytes) {
    const auto size = wal::SegmentSize::from_bytes(segment_bytes);
    Result<> done;
    if (reach && size) {
        wal::Reach all = *reach;
        done = co_await rename(std::move(all), *size);
        if (done) done = co_await mark_unmarked(std::move(*reach), *size);
    } else if (!reach) {
        done = std::unexpected(std::move(reach.error()));
    }
    if (done) co_return;
    log::warning("WAL of the former primary is not marked to be archived: " + done.error().what,
                 {{"hint", "pgbosun wal verify says whether the archive has a hole; then take a base backup"}});
}

Task<Result<>> TrustedWal::rename(wal::Reach reach, wal::SegmentSize size) {
    const std::string directory = settings_.data_directory() + "/pg_wal/archive_status";
    std::string path = directory;
    const auto names = co_await outside_.files.list(std::move(path), wal::most_marks);
    if (!names) co_return std::unexpected(names.error());
    std::vector<Rename> renames;
    for (const auto& name : wal::taken_on_trust(*names, reach, size)) {
        renames.push_back({name + std::string(wal::done_mark), name + std::string(wal::ready_mark)});
    }
    if (renames.empty()) co_return Result<>();
    const std::string first = renames.front().from;
    const std::string last = renames.back().from;
    path = directory;
    const auto renamed = co_await outside_.files.rename_each_durably(std::move(path), std::move(renames));
    if (!renamed) co_return std::unexpected(renamed.error());
    tell(*renamed, first, last);
    co_return Result<>();
}

void TrustedWal::tell(std::size_t files, const std::string& first, const std::string& last) {
    const std::string what = "WAL that the former primary may not have archived is archived by this instance";
    log::info(what, {{"files", files}});
    record_(what, {{"files", std::to_string(files)}, {"first", first}, {"last", last}});
}

Task<Result<>> TrustedWal::mark_unmarked(wal::Reach reach, wal::SegmentSize size) {
    const std::string directory = settings_.data_directory() + "/pg_wal";
    const std::string marks = directory + "/archive_status";
    std::string path = directory;
    const auto names = co_await outside_.files.list(std::move(path), wal::most_marks);
    if (!names) co_return std::unexpected(names.error());
    path = marks;
    const auto marked = co_await outside_.files.list(std::move(path), wal::most_marks);
    if (!marked) co_return std::unexpected(marked.error());
    for (const auto& name : wal::never_whole(*names, *marked, reach, size)) {
        path = marks + "/" + name + std::string(wal::done_mark);
        std::string nothing;
        const auto written = co_await outside_.files.write_durably(std::move(path), std::move(nothing));
        if (!written) co_return std::unexpected(written.error());
    }
    const auto whole = wal::whole_without_mark(*names, *marked, reach, size);
    for (const auto& name : whole) {
        path = marks + "/" + name + std::string(wal::ready_mark);
        std::string nothing;
        const auto written = co_await outside_.files.write_durably(std::move(path), std::move(nothing));
        if (!written) co_return std::unexpected(written.error());
    }
    if (!whole.empty()) tell(whole.size(), whole.front(), whole.back());
    co_return Result<>();
}

}  // namespace pgbosun::supervision
