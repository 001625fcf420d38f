#include "backup/reached_target.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "archive/wal_fetcher.hpp"
#include "pgbosun/descriptor.hpp"
#include "wal/last_record.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t read_at_once = std::size_t{1} << 20;

Result<std::vector<std::byte>> content(int file) {
    std::vector<std::byte> bytes;
    for (;;) {
        const auto before = bytes.size();
        bytes.resize(before + read_at_once);
        const auto count = ::pread(file, bytes.data() + before, read_at_once, static_cast<off_t>(before));
        if (count < 0) return fail(FaultKind::unavailable, std::string("cannot read: ") + std::strerror(errno));
        bytes.resize(before + static_cast<std::size_t>(count));
        if (count == 0) return bytes;
    }
}

enum class From { whole, pieces };

// None: nothing of it is there, or no record is whole in it.
Result<std::optional<Lsn>> last_record_of(Catalog& catalog, wal::SegmentName segment, From from,
                                          const archive::ExpectedWal& expected) {
    const Descriptor memory(::memfd_create("pgbosun-wal", MFD_CLOEXEC));
    if (!memory) return fail(FaultKind::unavailable, std::string("cannot make a file: ") + std::strerror(errno));
    const std::string path = "/proc/self/fd/" + std::to_string(memory.get());
    archive::WalFetcher fetcher(catalog.store(), catalog.server());
    const std::atomic<bool> gone = false;
    const auto fetched = from == From::whole ? fetcher.fetch(wal::Segment{segment}, path, expected, gone)
                                             : fetcher.fetch_pieces(segment, path, expected, gone);
    if (!fetched && fetched.error().kind == FaultKind::not_found) return std::nullopt;
    if (!fetched) return std::unexpected(fetched.error());
    const auto bytes = content(memory.get());
    if (!bytes) return std::unexpected(bytes.error());
    return wal::last_record(*bytes);
}

Result<std::optional<Lsn>> last_record_of(Catalog& catalog, const WalEdge& edge, const BackupInfo& info) {
    const auto size = edge.path.segment_size();
    const archive::ExpectedWal expected{info.system_id, size};
    // As PostgreSQL asks for a segment in which a timeline forks: the child's, then the parent's.
    const auto next = edge.last.number + 1;
    for (const auto following : {edge.path.segment(next), wal::WalSegment{edge.last.timeline, next}}) {
        const auto found = last_record_of(catalog, name_of(following, size), From::pieces, expected);
        if (!found || *found) return found;
    }
    return last_record_of(catalog, name_of(edge.last, size), From::whole, expected);
}

}  // namespace

Result<RecoveryTarget> reached_target(Catalog& catalog, const ArchiveFacts& facts, const Backup& backup,
                                      RecoveryTarget target) {
    const auto edge = edge_of(facts, target, backup);
    if (!edge) return target;
    const auto last = last_record_of(catalog, *edge, *backup.info);
    if (!last) return std::unexpected(last.error());
    const auto wanted = parse_lsn(*target.lsn);
    const bool behind = *last && wanted && *wanted > **last && **last >= backup.info->end->lsn;
    if (!behind) return target;
    target.lsn = to_string(**last);
    target.inclusive = Inclusive::yes;
    return target;
}

}  // namespace pgbosun::backup
