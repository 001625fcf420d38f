#pragma once
// Whether a stretch of WAL lies in the archive, whole and readable.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pgbosun/object_store.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

// One segment's bytes as they come: the header of each page that begins before `until` is the one that belongs there.
// Pure.
class SegmentPages {
public:
    // `until`: what comes behind it may be anything. Without `system_id` any cluster's will do.
    SegmentPages(wal::WalSegment segment, wal::SegmentSize size, std::optional<SystemId> system_id, Lsn until)
        : segment_(segment), size_(size), system_id_(system_id), until_(until) {}

    void restart();
    // corrupt: a page's header is not the one of its place. refused: another cluster's.
    Result<> feed(std::span<const std::byte> bytes);
    // corrupt: shorter or longer than a segment.
    Result<> finish() const;

private:
    Result<> check_first_page();
    Result<> check_page();

    const wal::WalSegment segment_;
    const wal::SegmentSize size_;
    const std::optional<SystemId> system_id_;
    const Lsn until_;
    std::uint64_t at_ = 0;          // bytes that came
    std::uint32_t page_bytes_ = 0;  // from the first page's header
    std::uint16_t magic_ = 0;
    std::string head_;  // of the page that has begun
    bool zeros_follow_ = false;
};

struct WalStretch {
    wal::WalSegment first, last;  // of one timeline
    wal::SegmentSize size;
    std::optional<SystemId> system_id;
    Lsn until;  // within the last
};

// One line for each segment that is missing or damaged; `workers` at a time. unavailable: the store did not answer.
Result<std::vector<std::string>> check_wal(ObjectStore& store, const std::string& server, const WalStretch& stretch,
                                           int workers);

}  // namespace pgbosun::backup
