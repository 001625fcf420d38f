#include "archive/wal_fetcher.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/decoded_object.hpp"
#include "archive/listed_keys.hpp"
#include "archive/stream_layout.hpp"
#include "pgbosun/descriptor.hpp"
#include "wal/history.hpp"
#include "wal/page_header.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::uint64_t largest_segment = std::uint64_t{1} << 30;
constexpr int most_pages = 8;  // of the listing of one file's name
constexpr std::size_t copy_chunk = std::size_t{1} << 20;

std::unexpected<Fault> cannot(const std::string& what) {
    return fail(FaultKind::unavailable, "cannot " + what + ": " + std::strerror(errno));
}

Result<> write_all(int file, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto count = ::write(file, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return cannot("write the restored file");
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

bool is_segment_long(const wal::ArchiveName& name) {
    return std::holds_alternative<wal::Segment>(name) || std::holds_alternative<wal::PartialSegment>(name);
}

std::uint64_t longest(const wal::ArchiveName& name, const ExpectedWal& expected) {
    if (!is_segment_long(name)) return wal::longest_history;
    return expected.segment_size ? expected.segment_size->bytes() : largest_segment;
}

Result<> verify(const wal::ArchiveName& name, int file, const ExpectedWal& expected) {
    const auto* segment = std::get_if<wal::Segment>(&name);
    if (segment == nullptr) return {};
    std::array<std::byte, wal::long_header_bytes> head{};
    struct stat facts{};
    const auto count = ::pread(file, head.data(), head.size(), 0);
    if (count < 0 || ::fstat(file, &facts) != 0) return cannot("read the restored file");
    const auto bytes = std::span<const std::byte>(head).first(static_cast<std::size_t>(count));
    auto size = expected.segment_size;
    if (!size) {
        const auto header = wal::parse_page_header(bytes);
        if (!header) return std::unexpected(header.error());
        size = wal::SegmentSize::from_bytes(header->segment_size);
    }
    const auto length = static_cast<std::uint64_t>(facts.st_size);
    const auto header = wal::check_segment(bytes, length, segment->name, expected.system_id, *size);
    if (!header) return std::unexpected(header.error());
    return {};
}

Result<> copy(const std::string& from, const std::string& to) {
    const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source) return cannot("open " + from);
    const Descriptor target(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!target) return cannot("create " + to);
    for (;;) {
        const auto count = ::sendfile(target.get(), source.get(), nullptr, copy_chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            auto fault = cannot("write " + to);
            ::unlink(to.c_str());
            return fault;
        }
        if (count == 0) return {};
    }
}

}  // namespace

Result<> WalFetcher::fetch(const wal::ArchiveName& name, const std::string& path, const ExpectedWal& expected,
                           const std::atomic<bool>& gone) {
    const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return cannot("create " + path);
    auto fetched = fetch_any(name, file.get(), longest(name, expected), gone);
    if (fetched) {
        fetched = verify(name, file.get(), expected);
        if (!fetched) fetched = std::unexpected(std::move(fetched.error()).in(wal_key(server_, name)));
    }
    if (!fetched) ::unlink(path.c_str());
    return fetched;
}

Result<> WalFetcher::fetch_any(const wal::ArchiveName& name, int file, std::uint64_t limit,
                               const std::atomic<bool>& gone) {
    if (last_) {
        auto guessed = fetch_as(*last_, name, file, limit, gone);
        if (guessed || guessed.error().kind != FaultKind::not_found) return guessed;
    }
    const auto encoding = find(name);
    if (!encoding) return std::unexpected(encoding.error());
    auto fetched = fetch_as(*encoding, name, file, limit, gone);
    if (fetched) last_ = *encoding;
    // It was listed a moment ago: this is no definite answer.
    if (!fetched && fetched.error().kind == FaultKind::not_found) fetched.error().kind = FaultKind::unavailable;
    return fetched;
}

Result<> WalFetcher::fetch_as(Encoding encoding, const wal::ArchiveName& name, int file, std::uint64_t limit,
                              const std::atomic<bool>& gone) {
    const std::string key = wal_key(server_, name) + std::string(extension(encoding));
    Result<> rewound;
    const auto restart = [&] {
        rewound = {};
        if (::ftruncate(file, 0) != 0 || ::lseek(file, 0, SEEK_SET) != 0) rewound = cannot("truncate the file");
    };
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        if (gone) return fail(FaultKind::cancelled, "nobody waits for it any more");
        if (!rewound) return rewound;
        return write_all(file, part);
    };
    return read_checked(store_, key, encoding, limit, sink, restart);
}

Result<> WalFetcher::fetch_pieces(wal::SegmentName segment, const std::string& path, const ExpectedWal& expected,
                                  const std::atomic<bool>& gone) {
    const Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return cannot("create " + path);
    auto laid = lay_pieces(segment, file.get(), expected, gone);
    if (laid) laid = verify(wal::Segment{segment}, file.get(), expected);
    if (!laid) ::unlink(path.c_str());
    return laid;
}

Result<> WalFetcher::lay_pieces(wal::SegmentName segment, int file, const ExpectedWal& expected,
                                const std::atomic<bool>& gone) {
    const std::string prefix = stream_prefix(server_, segment);
    // More pages than one when removing what was covered failed for long; the newest generation is on the last.
    const auto keys = listed_keys(store_, prefix);
    if (!keys) return std::unexpected(keys.error());
    std::vector<StreamPiece> pieces;
    for (const auto& key : *keys) {
        if (auto piece = parse_stream_piece(std::string_view(key).substr(prefix.size()))) pieces.push_back(*piece);
    }
    pieces = usable_pieces(std::move(pieces));
    if (pieces.empty()) return fail(FaultKind::not_found, to_string(segment) + " has no pieces in the archive");
    for (const auto& piece : pieces) {
        if (auto laid = lay_piece(stream_key(server_, segment, piece), piece, file, gone); !laid) return laid;
    }
    std::array<std::byte, wal::long_header_bytes> head{};
    if (::pread(file, head.data(), head.size(), 0) < 0) return cannot("read the restored file");
    const auto header = wal::parse_page_header(head);
    if (!header) return std::unexpected(header.error());
    const auto size = expected.segment_size ? expected.segment_size->bytes() : header->segment_size;
    if (pieces.back().end > size) return fail(FaultKind::corrupt, prefix + " has pieces beyond the segment's end");
    if (::ftruncate(file, size) != 0) return cannot("extend the restored file");
    return {};
}

Result<> WalFetcher::lay_piece(const std::string& key, const StreamPiece& piece, int file,
                               const std::atomic<bool>& gone) {
    const std::uint64_t length = piece.end - piece.begin;
    const auto restart = [&] { ::lseek(file, piece.begin, SEEK_SET); };
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        if (gone) return fail(FaultKind::cancelled, "nobody waits for it any more");
        return write_all(file, part);
    };
    if (auto got = read_checked(store_, key, piece.encoding, length, sink, restart); !got) {
        // It was listed a moment ago; a longer one has replaced it.
        if (got.error().kind == FaultKind::not_found) got.error().kind = FaultKind::unavailable;
        return got;
    }
    if (::lseek(file, 0, SEEK_CUR) != static_cast<off_t>(piece.end)) {
        return fail(FaultKind::corrupt, key + " is shorter than its name says");
    }
    return {};
}

Result<Encoding> WalFetcher::find(const wal::ArchiveName& name) {
    const std::string key = wal_key(server_, name);
    std::optional<Encoding> best;
    std::optional<std::string> after;
    for (int page = 0; page < most_pages; ++page) {
        const auto listing = store_.list(key, "", after);
        if (!listing) {
            // Of a listing not even "no such bucket" is a definite answer about one file.
            Fault fault = listing.error();
            if (fault.kind == FaultKind::not_found) fault.kind = FaultKind::unavailable;
            return std::unexpected(std::move(fault));
        }
        for (const auto& object : listing->objects) {
            const auto encoding = encoding_of_key(key, object.key);
            // The order of the enumeration: those that we can read come first.
            if (encoding && (!best || *encoding < *best)) best = encoding;
        }
        after = listing->next;
        if (!after) {
            if (best) return *best;
            return fail(FaultKind::not_found, to_string(name) + " is not in the archive");
        }
    }
    return fail(FaultKind::unavailable, "the listing of " + key + " does not end");
}

Result<> write_back(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file) return cannot("open " + path);
    // Only begun: PostgreSQL makes it durable when it takes the file, and each sync of ours would be one more commit of
    // the file system's journal for its own to wait behind.
    if (::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE) != 0 && errno == EIO) return cannot("write " + path);
    return {};
}

Result<> place(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    if (errno != EXDEV) return cannot("move " + from + " to " + to);
    auto copied = copy(from, to);
    ::unlink(from.c_str());
    return copied;
}

}  // namespace pgbosun::archive
