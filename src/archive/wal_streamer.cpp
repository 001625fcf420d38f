#include "archive/wal_streamer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "archive/listed_keys.hpp"
#include "archive/wall_clock.hpp"
#include "codec/content_hash.hpp"
#include "pgbosun/descriptor.hpp"
#include "pgbosun/log.hpp"
#include "wal/page_header.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::chrono::seconds pause_after_fault{2};
constexpr std::size_t most_whole = 1'024;  // segments whose pieces wait for their removal; the next life finds more

std::unexpected<Fault> cannot(const std::string& what) {
    return fail(FaultKind::unavailable, "cannot " + what + ": " + std::strerror(errno));
}

Result<> read_all(int file, std::span<std::byte> into, std::uint64_t offset, const std::string& path) {
    while (!into.empty()) {
        const auto count = ::pread(file, into.data(), into.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return cannot("read " + path);
        if (count == 0) return fail(FaultKind::unavailable, path + " is shorter than what was flushed to it");
        into = into.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

}  // namespace

WalStreamer::WalStreamer(ObjectStore& store, const ArchiveTarget& target, std::chrono::nanoseconds interval,
                         std::function<void()> changed)
    : store_(store), target_(target), interval_(interval), changed_(std::move(changed)),
      identity_(store, target.server, target.state_directory), thread_([this] { work(); }) {}

WalStreamer::~WalStreamer() { finish(); }

void WalStreamer::obey(const ArchiveOrder& order) {
    const std::lock_guard lock(mutex_);
    order_ = order;
    if (!order.may_archive || !order.wal) {
        run_.reset();
        report_ = {};
    } else {
        begin_run(order);
    }
    wake_.notify_all();
}

void WalStreamer::begin_run(const ArchiveOrder& order) {
    const auto cluster = cluster_of(order);
    if (!cluster) return run_.reset();
    const std::string directory = order.data_directory + "/pg_wal";
    if (run_ && run_->cluster == *cluster && run_->wal_directory == directory &&
        run_->server_run == order.wal->server_run && run_->cursor.timeline() == order.wal->timeline) {
        return;
    }
    run_ = Run{*cluster, directory, order.wal->server_run,
               ++runs_,  {},        StreamCursor(order.wal->timeline, cluster->segment_size)};
    left_overs_before_ =
        name_of(segment_at(order.wal->timeline, order.wal->position, cluster->segment_size), cluster->segment_size);
}

void WalStreamer::archived(const std::string& name) {
    const auto segment = wal::parse_segment_name(name);
    if (!segment) return;
    const std::lock_guard lock(mutex_);
    if (run_) {
        if (const auto place = segment_of(*segment, run_->cursor.size())) run_->cursor.archived(*place);
    }
    if (whole_.size() < most_whole) whole_.push_back(*segment);
    wake_.notify_all();
}

StreamReport WalStreamer::report() const {
    const std::lock_guard lock(mutex_);
    return report_;
}

void WalStreamer::finish() {
    {
        const std::lock_guard lock(mutex_);
        finishing_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

void WalStreamer::work() {
    std::unique_lock lock(mutex_);
    while (!finishing_) {
        if (Clock::now() < not_before_) {
            wake_.wait_until(lock, not_before_);
            continue;
        }
        const auto shipment = run_ ? run_->cursor.next(order_->wal->position) : std::nullopt;
        if (shipment) {
            Run run = *run_;
            lock.unlock();
            const auto began = Clock::now();
            auto shipped = settle_generation(run);
            if (shipped) shipped = ship(run, *shipment);
            lock.lock();
            if (!run_ || run_->number != run.number) continue;
            run_->generation = run.generation;
            settle(*shipment, shipped, began);
        } else if (!whole_.empty()) {
            const auto segment = whole_.front();
            whole_.pop_front();
            lock.unlock();
            remove_pieces(segment);
            lock.lock();
        } else if (left_overs_before_) {
            const auto before = *std::exchange(left_overs_before_, std::nullopt);
            lock.unlock();
            remove_left_overs(before);
            lock.lock();
        } else {
            wake_.wait(lock);
        }
    }
}

void WalStreamer::settle(const Shipment& shipment, const Result<>& shipped, Clock::time_point began) {
    if (shipped) {
        run_->cursor.shipped(shipment);
        const auto start = start_of(shipment.segment, run_->cursor.size());
        report_ = {Lsn{start.value + shipment.end}, iso_now(), std::nullopt, std::nullopt};
        // What has been flushed meanwhile waits for its turn; the rest of a large step does not.
        const bool more = order_->wal && run_->cursor.next(order_->wal->position).has_value();
        not_before_ = began + (more ? Clock::duration::zero() : Clock::duration(interval_) / 2);
    } else {
        if (!report_.failing_since) report_.failing_since = iso_now();
        report_.last_error = shipped.error().text();
        not_before_ = Clock::now() + pause_after_fault;
    }
    changed_();
}

// From what there is, and not from the clock alone: it may have been set back since the last run.
Result<> WalStreamer::settle_generation(Run& run) {
    if (!run.generation.empty()) return {};
    const std::string prefix = stream_prefix(target_.server);
    std::string newest;
    std::optional<std::string> after;
    do {
        auto listing = store_.list(prefix, "", after);
        if (!listing) return std::unexpected(std::move(listing.error()));
        for (const auto& object : listing->objects) {
            const auto piece = parse_stream_piece(std::string_view(object.key).substr(object.key.rfind('/') + 1));
            if (piece) newest = std::max(newest, piece->generation);
        }
        after = std::move(listing->next);
    } while (after);
    const auto now = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
    run.generation = next_generation(now, newest);
    return {};
}

Result<> WalStreamer::ship(const Run& run, const Shipment& shipment) {
    if (auto ours = identity_.check(run.cluster.system_id, run.cursor.timeline()); !ours) return ours;
    auto content = read(run, shipment);
    // It was archived and recycled between the order and now.
    if (!content && content.error().kind == FaultKind::not_found) return {};
    if (!content) return content;
    if (!compressor_) {
        auto made = codec::make_compressor(target_.compression, target_.level);
        if (!made) return std::unexpected(std::move(made).error());
        compressor_ = std::move(*made);
    }
    body_.clear();
    auto compressed = compressor_->begin(piece_.size(), body_);
    if (compressed) compressed = compressor_->append(piece_, body_);
    if (compressed) compressed = compressor_->finish(body_);
    if (!compressed) return compressed;
    const auto name = name_of(shipment.segment, run.cursor.size());
    const StreamPiece piece{run.generation, shipment.begin, shipment.end, encoding_of(target_.compression)};
    auto stored = store_.put(stream_key(target_.server, name, piece), body_,
                             {{std::string(codec::content_hash_name), codec::content_hash(piece_)}});
    if (stored && shipment.replaces) remove_covered(name, piece);
    return stored;
}

// Fills piece_. not_found: the segment is not there any more.
Result<> WalStreamer::read(const Run& run, const Shipment& shipment) {
    const auto name = name_of(shipment.segment, run.cursor.size());
    const std::string path = run.wal_directory + "/" + to_string(name);
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file && errno == ENOENT) return fail(FaultKind::not_found, path + " is gone");
    if (!file) return cannot("open " + path);
    const auto before = identify(path);
    piece_.resize(shipment.end - shipment.begin);
    if (auto got = read_all(file.get(), piece_, shipment.begin, path); !got) return got;
    // PostgreSQL recycles a segment by renaming it before it is written anew: under its name it was still itself.
    const auto after = identify(path);
    if (!before || !after || before->inode != after->inode) return fail(FaultKind::not_found, path + " is gone");
    if (shipment.begin != 0) return {};
    const auto header =
        wal::check_segment(piece_, run.cursor.size().bytes(), name, run.cluster.system_id, run.cursor.size());
    if (!header) return std::unexpected(header.error());
    return {};
}

// What cannot be removed now is a left-over of the next run.
void WalStreamer::remove_pieces(wal::SegmentName segment) {
    remove(listed_keys(store_, stream_prefix(target_.server, segment)));
}

// What cannot be removed now is covered by the next one too.
void WalStreamer::remove_covered(wal::SegmentName segment, const StreamPiece& by) {
    const std::string prefix = stream_prefix(target_.server, segment);
    auto keys = listed_keys(store_, prefix);
    const auto is_needed = [&](const std::string& key) {
        const auto piece = parse_stream_piece(std::string_view(key).substr(prefix.size()));
        if (!piece || *piece == by || piece->generation > by.generation) return true;
        const bool covered = piece->begin >= by.begin && piece->end <= by.end;
        return !covered && (piece->generation == by.generation || by.begin != 0);
    };
    if (keys) std::erase_if(*keys, is_needed);
    remove(keys);
}

void WalStreamer::remove_left_overs(wal::SegmentName before) {
    const std::string prefix = stream_prefix(target_.server);
    const auto listing = store_.list(prefix, "/", std::nullopt);
    if (!listing) return remove(std::unexpected(listing.error()));
    for (const auto& directory : listing->prefixes) {
        const auto segment = wal::parse_segment_name(
            std::string_view(directory).substr(prefix.size(), directory.size() - prefix.size() - 1));
        if (!segment || *segment >= before) continue;
        const std::string key = wal_key(target_.server, wal::Segment{*segment});
        const auto whole = store_.list(key, "", std::nullopt);
        if (!whole) return remove(std::unexpected(whole.error()));
        const bool archived = std::ranges::any_of(
            whole->objects, [&](const auto& object) { return encoding_of_key(key, object.key).has_value(); });
        if (archived) remove_pieces(*segment);
    }
}

void WalStreamer::remove(const Result<std::vector<std::string>>& keys) {
    if (keys && keys->empty()) return;
    const Result<> removed = keys ? store_.remove(*keys) : std::unexpected(keys.error());
    const bool failed_before = std::exchange(removal_fails_, !removed);
    if (removed || failed_before || removed.error().kind == FaultKind::cancelled) return;
    log::warning(
        "WAL that was shipped, and is not needed any more, cannot be removed from the archive",
        {{"error", removed.error().text()}, {"hint", "the account must be allowed to list and to delete objects"}});
}

}  // namespace pgbosun::archive
