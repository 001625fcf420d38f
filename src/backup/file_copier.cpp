#include "backup/file_copier.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "backup/page_checksum.hpp"
#include "codec/crc32c.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;  // fits into the second-level cache
constexpr int readings = 4;  // of a page whose checksum is wrong: it may be read while it is written
static_assert(buffer_bytes % page_size == 0);

std::unexpected<Fault> cannot(const char* verb, const std::string& path) {
    const int error = errno;
    const auto kind = error == EACCES || error == EPERM ? FaultKind::refused : FaultKind::unavailable;
    return fail(kind, std::string("cannot ") + verb + " " + path + ": " + std::strerror(error));
}

// Without a change of the access time where we may: only the file's owner.
int open_to_read(const std::string& path) {
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
    const int descriptor = ::open(path.c_str(), flags | O_NOATIME);
    return descriptor < 0 && errno == EPERM ? ::open(path.c_str(), flags) : descriptor;
}

}  // namespace

FileCopier::FileCopier(PageChecks checks, FileOwner owner, RateLimit& rate, std::atomic<std::uint64_t>& read,
                       std::stop_token stop)
    : checks_(checks), owner_(owner), rate_(rate), read_(read), stop_(std::move(stop)), buffer_(buffer_bytes) {}

Result<CopiedFile> FileCopier::copy(const FileTree& tree, const FileEntry& file, const std::string& shown_path,
                                    TarStream& tar) {
    const std::string path = tree.path_of(file);
    const Descriptor opened(open_to_read(tree.root + "/" + path));
    // ELOOP: a link has taken its place, which PostgreSQL does not do.
    if (!opened && errno == ENOENT) return CopiedFile{};
    if (!opened) return cannot("open", tree.root + "/" + path);
    relation_ = checks_.survey != nullptr ? parse_relation_file(path) : std::nullopt;
    shown_path_ = shown_path;
    auto copied = copy_open(opened.get(), file, path, tar);
    cache_.finish();
    return copied;
}

Result<CopiedFile> FileCopier::copy_open(int descriptor, const FileEntry& file, const std::string& path,
                                         TarStream& tar) {
    struct stat facts{};
    if (::fstat(descriptor, &facts) != 0) return cannot("inspect", path);
    CopiedFile copied{.present = true,
                      .size = std::min(file.size, static_cast<std::uint64_t>(facts.st_size)),
                      .modified = facts.st_mtim.tv_sec};
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    cache_.begin(descriptor, copied.size);
    auto headed = tar.entry({.path = path,
                             .mode = file.mode,
                             .user = owner_.user,
                             .group = owner_.group,
                             .size = copied.size,
                             .modified = copied.modified});
    if (!headed) return std::unexpected(std::move(headed.error()));
    bool ended = false;
    for (std::uint64_t at = 0; at < copied.size;) {
        if (stop_.stop_requested()) return fail(FaultKind::cancelled, "the backup was cancelled");
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(copied.size - at, buffer_.size()));
        const auto got = ended ? Result<std::size_t>(0) : fill(descriptor, wanted);
        if (!got) return std::unexpected(Fault(got.error()).in(path));
        rate_.take(*got, stop_);
        ended = *got < wanted;
        if (relation_) check_pages(descriptor, at, *got);
        std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(*got),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(wanted), std::byte{0});
        const auto content = std::span<const std::byte>(buffer_).first(wanted);
        copied.crc32c = codec::crc32c(copied.crc32c, content);
        if (auto added = tar.append(content); !added) return std::unexpected(std::move(added.error()));
        at += wanted;
        read_ += wanted;
        cache_.passed(at);
    }
    if (auto padded = tar.end_file(); !padded) return std::unexpected(std::move(padded.error()));
    return copied;
}

// Less than wanted: the file ends there.
Result<std::size_t> FileCopier::fill(int descriptor, std::size_t wanted) {
    std::size_t got = 0;
    while (got < wanted) {
        const auto count = ::read(descriptor, buffer_.data() + got, wanted - got);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return cannot("read", "it");
        if (count == 0) break;
        got += static_cast<std::size_t>(count);
    }
    return got;
}

void FileCopier::check_pages(int descriptor, std::uint64_t offset, std::size_t length) {
    const auto first_block = static_cast<std::uint64_t>(relation_->segment) * checks_.pages_per_segment;
    for (std::size_t at = 0; at + page_size <= length; at += page_size) {
        const auto content = std::span(buffer_).subspan(at).first<page_size>();
        const std::uint64_t page = (offset + at) / page_size;
        const auto block = static_cast<std::uint32_t>(first_block + page);
        if (check_page(content, block, checks_.start) != PageVerdict::good) check_again(descriptor, page, content);
    }
}

// `content` becomes what is read again: a page that was torn the first time is whole in the backup.
void FileCopier::check_again(int descriptor, std::uint64_t page, std::span<std::byte> content) {
    const auto block =
        static_cast<std::uint32_t>(static_cast<std::uint64_t>(relation_->segment) * checks_.pages_per_segment + page);
    auto verdict = PageVerdict::bad;
    Lsn written;
    for (int reading = 1; reading < readings; ++reading) {
        std::array<std::byte, page_size> again{};
        const auto count = ::pread(descriptor, again.data(), again.size(), static_cast<off_t>(page * page_size));
        if (count < static_cast<ssize_t>(again.size())) return;  // the relation was truncated: WAL does it again
        std::ranges::copy(again, content.begin());
        verdict = check_page(again, block, checks_.start);
        written = page_lsn(again);
        if (verdict == PageVerdict::good) return;
    }
    if (verdict == PageVerdict::bad) return checks_.survey->add_bad(shown_path_, page);
    checks_.survey->add_changed(shown_path_, page, written);
}

}  // namespace pgbosun::backup
