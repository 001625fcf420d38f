#include "archive/wal_uploader.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/decoded_object.hpp"
#include "codec/content_hash.hpp"
#include "pgbosun/descriptor.hpp"
#include "wal/history.hpp"
#include "wal/page_header.hpp"

namespace pgbosun::archive {
namespace {

// What is neither a segment nor its .partial: history and backup history files are a few hundred bytes.
constexpr std::uint64_t longest_small_file = wal::longest_history;
constexpr int most_pages = 8;  // of a listing of one hash directory: 4,096 segments of 1 MB, and some to spare

std::unexpected<Fault> cannot(const char* verb) {
    const int error = errno;
    const auto kind = error == ENOENT ? FaultKind::not_found : FaultKind::unavailable;
    return fail(kind, std::string("cannot ") + verb + " the file: " + std::strerror(error));
}

FileIdentity identity_of(const struct stat& facts) {
    return {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
            facts.st_mtim.tv_sec * std::int64_t{1'000'000'000} + facts.st_mtim.tv_nsec};
}

Result<FileIdentity> identify(int file) {
    struct stat facts{};
    if (::fstat(file, &facts) != 0) return cannot("inspect");
    if (!S_ISREG(facts.st_mode)) return fail(FaultKind::refused, "it is not a regular file");
    return identity_of(facts);
}

const wal::SegmentName* segment_in(const wal::ArchiveName& name) {
    if (const auto* segment = std::get_if<wal::Segment>(&name)) return &segment->name;
    if (const auto* partial = std::get_if<wal::PartialSegment>(&name)) return &partial->name;
    return nullptr;
}

Result<> check_file(const wal::ArchiveName& name, int file, std::uint64_t size, const ClusterIdentity& cluster) {
    if (const auto* segment = segment_in(name)) {
        std::array<std::byte, wal::long_header_bytes> head{};
        const auto count = ::pread(file, head.data(), head.size(), 0);
        if (count < 0) return cannot("read");
        const auto bytes = std::span<const std::byte>(head).first(static_cast<std::size_t>(count));
        const auto header = wal::check_segment(bytes, size, *segment, cluster.system_id, cluster.segment_size);
        if (!header) return std::unexpected(header.error());
        return {};
    }
    if (size > longest_small_file) return fail(FaultKind::corrupt, "it is too long for such a file");
    return {};
}

}  // namespace

Result<FileIdentity> identify(const std::string& path) {
    struct stat facts{};
    if (::stat(path.c_str(), &facts) != 0) return cannot("inspect");
    return identity_of(facts);
}

WalUploader::WalUploader(ObjectStore& store, ArchiveTarget target, IdentityCheck& identity, CompressorPool& compressors,
                         const std::atomic<bool>& may_archive)
    : store_(store), target_(std::move(target)), identity_(identity), compressors_(compressors),
      may_archive_(may_archive) {}

Result<Uploaded> WalUploader::upload(const wal::ArchiveName& name, const std::string& path,
                                     const ClusterIdentity& cluster) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) return cannot("open");
    return upload_open(name, file.get(), cluster);
}

Result<Uploaded> WalUploader::upload_open(const wal::ArchiveName& name, int file, const ClusterIdentity& cluster) {
    const auto before = identify(file);
    if (!before) return std::unexpected(before.error());
    if (auto checked = check_file(name, file, before->size, cluster); !checked) {
        return std::unexpected(std::move(checked.error()));
    }
    const auto encoded = encode(file, before->size);
    if (!encoded) return std::unexpected(encoded.error());
    const auto after = identify(file);
    if (!after) return std::unexpected(after.error());
    if (*after != *before) return fail(FaultKind::unavailable, "the file changed while it was read");
    auto ours = identity_.check(cluster.system_id, timeline_of(name));
    if (!ours) return std::unexpected(std::move(ours.error()));
    const auto stored = put(name, *encoded);
    if (!stored) return std::unexpected(stored.error());
    return Uploaded{*before, *stored};
}

Result<WalUploader::Encoded> WalUploader::encode(int file, std::uint64_t size) {
    const auto compressor = compressors_.take();
    if (!compressor) return std::unexpected(compressor.error());
    auto compressed = (**compressor).compress(file, size, body_);
    if (!compressed) return std::unexpected(std::move(compressed.error()));
    return Encoded{compressed->size, std::move(compressed->content_hash)};
}

Result<std::uint64_t> WalUploader::put(const wal::ArchiveName& name, const Encoded& encoded) {
    const std::string key = wal_key(target_.server, name);
    const auto others = other_encodings(name, key);
    if (!others) return std::unexpected(others.error());
    for (const auto& other : *others) {
        const auto equal = expect_equal(other, *encoding_of_key(key, other), encoded);
        if (!equal) return std::unexpected(equal.error());
        return 0;
    }
    if (!may_archive_) return fail(FaultKind::cancelled, "the right to archive has just been taken away");
    const auto encoding = encoding_of(target_.compression);
    const std::string whole_key = key + std::string(extension(encoding));
    const ObjectMetadata metadata{{std::string(codec::content_hash_name), encoded.hash}};
    const auto made = store_.put_if_absent(whole_key, body_, metadata);
    if (made) return body_.size();
    if (made.error().kind != FaultKind::conflict) return std::unexpected(made.error());
    const auto equal = expect_equal(whole_key, encoding, encoded);
    if (!equal) return std::unexpected(equal.error());
    return 0;
}

Result<> WalUploader::expect_equal(const std::string& key, Encoding encoding, const Encoded& encoded) {
    const auto facts = store_.head(key);
    if (!facts) {
        if (facts.error().kind != FaultKind::not_found) return std::unexpected(facts.error());
        return fail(FaultKind::unavailable, key + " was there a moment ago and has been removed");
    }
    std::string theirs = "no such file";
    if (const auto found = facts->metadata.find(std::string(codec::content_hash_name));
        found != facts->metadata.end()) {
        theirs = found->second;
    } else {
        auto read = hash_decoded(store_, key, encoding, encoded.size);
        if (!read && read.error().kind != FaultKind::corrupt) return std::unexpected(std::move(read.error()));
        if (read) theirs = std::move(*read);
    }
    if (theirs == encoded.hash) return {};
    return fail(FaultKind::conflict,
                store_.describe() + "/" + key + " holds other content (" + theirs + ") than the file to archive (" +
                    encoded.hash + ")",
                "two servers archive to one place, or this one was restored beside its old archive: give each an "
                "archive of its own (archive.server_name)");
}

Result<std::set<std::string>> WalUploader::other_encodings(const wal::ArchiveName& name, const std::string& key) {
    const auto directory = key.substr(0, key.rfind('/') + 1);
    // History files lie among all the hash directories: ask for the one name there.
    const auto prefix = std::holds_alternative<wal::HistoryFile>(name) ? key : directory;
    if (prefix != listed_prefix_) {
        listed_.clear();
        listed_prefix_.clear();
        const auto ours = extension(encoding_of(target_.compression));
        std::optional<std::string> after;
        for (int page = 0; page < most_pages; ++page) {
            const auto listing = store_.list(prefix, "", after);
            if (!listing) return std::unexpected(listing.error());
            for (const auto& object : listing->objects) {
                const bool plain = ours.empty() && object.key.find('.', directory.size()) == std::string::npos;
                if (!plain && (ours.empty() || !object.key.ends_with(ours))) listed_.insert(object.key);
            }
            after = listing->next;
            if (!after) break;
        }
        listed_prefix_ = prefix;
    }
    std::set<std::string> found;
    for (auto at = listed_.lower_bound(key); at != listed_.end() && at->starts_with(key); ++at) {
        const auto encoding = encoding_of_key(key, *at);
        if (encoding && *encoding != encoding_of(target_.compression)) found.insert(*at);
    }
    return found;
}

}  // namespace pgbosun::archive
