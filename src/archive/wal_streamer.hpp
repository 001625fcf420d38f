#pragma once
// Seconds of loss instead of minutes (archive.stream): ships what has been flushed of the current segment, piece by
// piece, beside the archive of whole segments (stream_layout.hpp). One thread.
//
// Killed at any moment: pieces are whole objects, so what was shipped can be used; the next life begins a generation.
// A piece is not an acknowledgement to anybody: PostgreSQL keeps the segment until it is archived whole.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/identity.hpp"
#include "archive/stream_cursor.hpp"
#include "archive/stream_layout.hpp"
#include "archive/wal_uploader.hpp"
#include "codec/compressor.hpp"
#include "pgbosun/archive_link.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

class WalStreamer {
public:
    // `interval` is what may be lost: half of it lies between the begins of two shipments at least, unless the first was not
    // all there is, for what was flushed is told up to the other half late. `changed` is called on its thread whenever
    // report() has changed. `store` must outlive it.
    WalStreamer(ObjectStore& store, const ArchiveTarget& target, std::chrono::nanoseconds interval,
                std::function<void()> changed);
    ~WalStreamer();
    WalStreamer(const WalStreamer&) = delete;
    WalStreamer& operator=(const WalStreamer&) = delete;

    // Ships up to `order.wal` while this instance may archive. Any thread, as archived() and report().
    void obey(const ArchiveOrder& order);
    // This file is in the archive: its pieces are not needed any more.
    void archived(const std::string& name);
    [[nodiscard]] StreamReport report() const;
    // The store must have been cancelled for this to be quick.
    void finish();

private:
    using Clock = std::chrono::steady_clock;
    // What is being shipped; a new one begins with each run of a server, timeline and data directory.
    struct Run {
        ClusterIdentity cluster;
        std::string wal_directory;
        std::uint64_t server_run = 0;
        std::uint64_t number = 0;  // of this run, from 1
        std::string generation;    // empty: not settled yet
        StreamCursor cursor;
    };

    void work();
    void begin_run(const ArchiveOrder& order);
    Result<> settle_generation(Run& run);
    Result<> ship(const Run& run, const Shipment& shipment);
    Result<> read(const Run& run, const Shipment& shipment);
    void settle(const Shipment& shipment, const Result<>& shipped, Clock::time_point began);
    void remove_pieces(wal::SegmentName segment);
    // The pieces that this one covers.
    void remove_covered(wal::SegmentName segment, const StreamPiece& by);
    // Pieces that a former life left of segments which are whole in the archive now.
    void remove_left_overs(wal::SegmentName before);
    // Says so when it begins to fail.
    void remove(const Result<std::vector<std::string>>& keys);

    ObjectStore& store_;
    const ArchiveTarget target_;
    const std::chrono::nanoseconds interval_;
    const std::function<void()> changed_;
    IdentityCheck identity_;
    std::unique_ptr<codec::Compressor> compressor_;  // the thread's
    std::vector<std::byte> piece_, body_;            // the thread's
    bool removal_fails_ = false;                     // the thread's
    mutable std::mutex mutex_;                       // guards what follows
    std::condition_variable wake_;
    std::optional<ArchiveOrder> order_;
    std::optional<Run> run_;
    std::uint64_t runs_ = 0;
    std::optional<wal::SegmentName> left_overs_before_;
    std::deque<wal::SegmentName> whole_;  // their pieces are to be removed
    Clock::time_point not_before_{};
    StreamReport report_;
    bool finishing_ = false;
    std::thread thread_;
};

}  // namespace pgbosun::archive
