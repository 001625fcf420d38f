#include "backup/wal_check.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "archive/decoded_object.hpp"
#include "archive/layout.hpp"
#include "wal/page_header.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_workers = 32;
constexpr int most_listing_pages = 8;  // of one segment's name

// XLogPageHeaderData: magic (2 bytes), info (2), timeline (4), address (8), length of what is continued (4).
constexpr std::size_t short_header_bytes = 20;
constexpr std::size_t timeline_at = 4;
constexpr std::size_t address_at = 8;

template <class Number>
Number number_at(std::string_view bytes, std::size_t offset) {
    Number value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

}  // namespace

void SegmentPages::restart() {
    at_ = 0;
    page_bytes_ = 0;
    head_.clear();
    zeros_follow_ = false;
}

Result<> SegmentPages::feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::uint64_t in_page = page_bytes_ == 0 ? at_ : at_ % page_bytes_;
        const std::size_t wanted = page_bytes_ == 0 ? wal::long_header_bytes : short_header_bytes;
        const bool in_head = in_page < wanted;
        const std::uint64_t until = in_head ? wanted : page_bytes_;
        const auto piece =
            bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), until - in_page)));
        bytes = bytes.subspan(piece.size());
        at_ += piece.size();
        if (!in_head) continue;
        head_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        if (head_.size() < wanted) continue;
        auto checked = page_bytes_ == 0 ? check_first_page() : check_page();
        if (!checked) return checked;
        head_.clear();
    }
    return {};
}

Result<> SegmentPages::check_first_page() {
    const auto head = std::as_bytes(std::span(head_.data(), head_.size()));
    const auto header = wal::check_segment(head, size_.bytes(), name_of(segment_, size_), system_id_, size_);
    if (!header) return std::unexpected(header.error());
    page_bytes_ = header->block_size;
    magic_ = header->magic;
    return {};
}

// Behind a switch of segments PostgreSQL leaves pages of zeros, up to the segment's end.
Result<> SegmentPages::check_page() {
    const Lsn address{start_of(segment_, size_).value + at_ - short_header_bytes};
    if (address >= until_) return {};
    const bool zeros = head_.find_first_not_of('\0') == std::string::npos;
    zeros_follow_ = zeros_follow_ || zeros;
    const auto timeline = Timeline{number_at<std::uint32_t>(head_, timeline_at)};
    const bool fits = number_at<std::uint16_t>(head_, 0) == magic_ && timeline <= segment_.timeline &&
                      number_at<std::uint64_t>(head_, address_at) == address.value;
    if (zeros || (fits && !zeros_follow_)) return {};
    return fail(FaultKind::corrupt, "the WAL page at " + to_string(address) + " is damaged");
}

Result<> SegmentPages::finish() const {
    if (at_ == size_.bytes()) return {};
    return fail(FaultKind::corrupt,
                std::to_string(at_) + " bytes long, a segment has " + std::to_string(size_.bytes()));
}

namespace {

class WalCheck {
public:
    WalCheck(ObjectStore& store, const std::string& server, const WalStretch& stretch)
        : store_(store), server_(server), stretch_(stretch), next_(stretch.first.number) {}

    Result<std::vector<std::string>> run(int workers) {
        std::vector<std::thread> threads;
        for (int i = 0; i < std::clamp(workers, 1, most_workers); ++i) threads.emplace_back([this] { work(); });
        for (auto& thread : threads) thread.join();
        if (away_) return std::unexpected(std::move(*away_));
        std::vector<std::string> lines;
        lines.reserve(findings_.size());
        for (auto& [number, line] : findings_) lines.push_back(std::move(line));
        return lines;
    }

private:
    void work() {
        for (;;) {
            const wal::WalSegment segment{stretch_.first.timeline, next_.fetch_add(1)};
            if (segment.number > stretch_.last.number || stop_) return;
            auto checked = check(segment);
            if (!checked) note(segment, checked.error());
        }
    }

    void note(wal::WalSegment segment, const Fault& fault) {
        const std::lock_guard lock(mutex_);
        if (fault.kind == FaultKind::unavailable || fault.kind == FaultKind::cancelled) {
            if (!away_) away_ = fault;
            stop_ = true;
            return;
        }
        findings_[segment.number] = fault.what;
    }

    Result<> check(wal::WalSegment segment) {
        const std::string key = archive::wal_key(server_, wal::Segment{name_of(segment, stretch_.size)});
        const auto encoding = find(key);
        if (!encoding) return std::unexpected(encoding.error());
        SegmentPages pages(segment, stretch_.size, stretch_.system_id, stretch_.until);
        const std::string object = key + std::string(archive::extension(*encoding));
        auto read = archive::read_checked(
            store_, object, *encoding, stretch_.size.bytes(),
            [&](std::span<const std::byte> piece) { return pages.feed(piece); }, [&] { pages.restart(); });
        if (read) read = pages.finish();
        if (!read && !read.error().what.starts_with(object)) read.error() = std::move(read.error()).in(object);
        return read;
    }

    Result<archive::Encoding> find(const std::string& key) {
        std::optional<archive::Encoding> best;
        std::optional<std::string> after;
        for (int page = 0; page < most_listing_pages; ++page) {
            const auto listing = store_.list(key, "", after);
            if (!listing) return std::unexpected(listing.error());
            for (const auto& object : listing->objects) {
                const auto encoding = archive::encoding_of_key(key, object.key);
                if (encoding && (!best || *encoding < *best)) best = encoding;
            }
            after = listing->next;
            if (!after) break;
        }
        if (best) return *best;
        return fail(FaultKind::not_found, key + " is missing");
    }

    ObjectStore& store_;
    const std::string& server_;
    const WalStretch& stretch_;
    std::atomic<std::uint64_t> next_;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;  // guards all below
    std::map<std::uint64_t, std::string> findings_;
    std::optional<Fault> away_;
};

}  // namespace

Result<std::vector<std::string>> check_wal(ObjectStore& store, const std::string& server, const WalStretch& stretch,
                                           int workers) {
    return WalCheck(store, server, stretch).run(workers);
}

}  // namespace pgbosun::backup
