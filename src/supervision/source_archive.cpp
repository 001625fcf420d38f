#include "supervision/source_archive.hpp"

#include <csignal>
#include <utility>

#include "supervision/catalog_look.hpp"
#include "supervision/wal_fetch.hpp"

namespace pgbosun::supervision {
namespace {

using namespace std::chrono_literals;

constexpr Duration catalog_patience = 2min;
constexpr Duration fetch_patience = 1min;  // of one segment

}  // namespace

Result<> names_source_archive(const Settings& settings) {
    const auto& recovery = settings.bootstrap.recovery;
    if (!recovery || !recovery->source) {
        return fail(FaultKind::refused, "the configuration does not name the archive that the cluster follows",
                    "give bootstrap.recovery.source, without a target");
    }
    if (recovery->target.given() || recovery->target.timeline != "latest") {
        return fail(FaultKind::refused, "bootstrap.recovery has a target, and a cluster follows an archive without end",
                    "take the target_ keys out of bootstrap.recovery");
    }
    return {};
}

Fault no_copy_can_be_made() {
    return {FaultKind::unavailable, "the source's archive has no backup from which its end is reached",
            "take a base backup of the source cluster; pgbosun wal verify there says what is missing"};
}

SourceArchive::SourceArchive(Surroundings& outside, std::string scratch)
    : outside_(outside), scratch_(std::move(scratch)) {}

void SourceArchive::cancel() {
    if (process_) process_->signal(SIGKILL);
}

Task<Result<instance::ArchiveUpstream>> SourceArchive::look(const Settings& settings, SystemId otherwise) {
    const auto named = names_source_archive(settings);
    if (!named) co_return std::unexpected(named.error());
    process_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_summary_line);
    const auto summary = co_await look_at_catalog(outside_.archiver, *process_, catalog_patience, Archive::source);
    process_.reset();
    if (!summary) co_return std::unexpected(Fault(summary.error()).in("the source's archive"));
    auto seen = instance::upstream_of(*summary, otherwise, outside_.machine.server_major);
    if (!seen) co_return std::unexpected(std::move(seen.error()).in("the source's archive"));
    co_return seen;
}

Task<Result<instance::SharedWal>> SourceArchive::compare(const Settings& settings,
                                                         std::vector<instance::WalPiece> pieces, ReadWal ours,
                                                         wal::SegmentSize size) {
    const std::string directory = settings.state_directory() + "/" + scratch_;
    // Of an earlier life, perhaps, and of another archive.
    std::string path = directory;
    std::ignore = co_await outside_.files.remove_tree(std::move(path));
    path = directory;
    const auto made = co_await outside_.files.make_directory(std::move(path));
    if (!made) co_return std::unexpected(made.error());
    ReadWal theirs = [this, directory, size](std::vector<wal::SegmentName> names, Lsn begin, Lsn end) {
        return read(Place{directory, size}, std::move(names), begin, end);
    };
    auto shared = co_await compare_wal(std::move(pieces), std::move(ours), std::move(theirs));
    path = directory;
    // What stays is removed by the next one.
    std::ignore = co_await outside_.files.remove_tree(std::move(path));
    co_return shared;
}

Task<Result<std::vector<std::string>>> SourceArchive::read(Place place, std::vector<wal::SegmentName> names, Lsn begin,
                                                           Lsn end) {
    for (const auto& name : names) {
        std::string file = to_string(name);
        std::string path = place.directory + "/" + file;
        const auto fetched = co_await fetch(std::move(file), std::move(path));
        if (!fetched) co_return std::unexpected(fetched.error());
    }
    const auto from = wal_of_directory(outside_.files, place.directory, place.size);
    co_return co_await from(std::move(names), begin, end);
}

// Success too when the archive does not have it.
Task<Result<>> SourceArchive::fetch(std::string name, std::string path) {
    std::string file = path;
    const auto there = co_await outside_.files.inspect(std::move(file));
    if (there) co_return Result<>();
    process_ = std::make_unique<JobProcess>(outside_.loop, outside_.processes, longest_fetch_line);
    WantedWal wanted{std::move(name), std::move(path), fetch_patience};
    const auto fetched = co_await fetch_wal(outside_.archiver, *process_, Archive::source, std::move(wanted));
    process_.reset();
    if (fetched) co_return Result<>();
    co_return fail(FaultKind::unavailable, "the source's archive does not give WAL to compare", fetched.error().hint);
}

}  // namespace pgbosun::supervision
