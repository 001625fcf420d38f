#include "codec/file_compressor.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "codec/content_hash.hpp"

namespace pgbosun::codec {
namespace {

constexpr std::size_t read_bytes = 128 * 1024;

std::unexpected<Fault> read_failed(int error) {
    return fail(FaultKind::unavailable, std::string("reading: ") + std::strerror(error));
}

Result<std::size_t> read_at(int descriptor, std::span<std::byte> buffer, std::uint64_t offset) {
    for (;;) {
        const ssize_t got = pread(descriptor, buffer.data(), buffer.size(), static_cast<off_t>(offset));
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) return read_failed(errno);
    }
}

// Piece by piece: `room` says where the one at an offset goes, at most to the byte behind the last; `take` gets what is
// there then.
template <typename Room, typename Take>
Result<> read_all(int descriptor, std::uint64_t size, Room room, Take take) {
    std::uint64_t offset = 0;
    while (offset <= size) {
        const std::span<std::byte> place = room(offset);
        const auto got = read_at(descriptor, place, offset);
        if (!got) return std::unexpected(got.error());
        if (*got == 0) break;
        offset += *got;
        if (offset > size) break;
        if (auto taken = take(place.first(*got)); !taken) return taken;
    }
    if (offset != size) return fail(FaultKind::corrupt, "the size changed while the file was read");
    return {};
}

}  // namespace

Result<CompressedFile> FileCompressor::compress(int descriptor, std::uint64_t limit, std::vector<std::byte>& out) {
    struct stat facts{};
    if (fstat(descriptor, &facts) != 0) return read_failed(errno);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size > limit) {
        return fail(FaultKind::refused, "the file has " + std::to_string(size) + " bytes, more than the " +
                                            std::to_string(limit) + " it may have");
    }
    out.clear();
    return size <= most_held ? compress_held(descriptor, size, out) : compress_in_pieces(descriptor, size, out);
}

void FileCompressor::rest() {
    held_.reset();
    compressor_->rest();
}

Result<CompressedFile> FileCompressor::compress_held(int descriptor, std::uint64_t size, std::vector<std::byte>& out) {
    // A byte more than there should be shows a file that has grown.
    if (!held_) held_ = std::make_unique_for_overwrite<std::byte[]>(most_held + 1);
    const auto room = [this, size](std::uint64_t offset) {
        return std::span(held_.get(), size + 1).subspan(offset, std::min<std::uint64_t>(read_bytes, size + 1 - offset));
    };
    ContentHash hash;
    const auto take = [&hash](std::span<const std::byte> content) {
        hash.append(content);
        return Result<>();
    };
    if (auto read = read_all(descriptor, size, room, take); !read) return std::unexpected(std::move(read).error());
    if (auto done = compressor_->whole({held_.get(), size}, out); !done)
        return std::unexpected(std::move(done).error());
    return CompressedFile{.size = size, .content_hash = hash.text()};
}

Result<CompressedFile> FileCompressor::compress_in_pieces(int descriptor, std::uint64_t size,
                                                          std::vector<std::byte>& out) {
    if (auto begun = compressor_->begin(size, out); !begun) return std::unexpected(std::move(begun).error());
    std::array<std::byte, read_bytes> buffer;
    const auto room = [&buffer](std::uint64_t) { return std::span<std::byte>(buffer); };
    ContentHash hash;
    const auto take = [&](std::span<const std::byte> content) {
        hash.append(content);
        return compressor_->append(content, out);
    };
    if (auto read = read_all(descriptor, size, room, take); !read) return std::unexpected(std::move(read).error());
    if (auto done = compressor_->finish(out); !done) return std::unexpected(std::move(done).error());
    return CompressedFile{.size = size, .content_hash = hash.text()};
}

}  // namespace pgbosun::codec
