#include "codec/compress_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

}  // namespace

Result<CompressedFile> compress_file(int descriptor, std::uint64_t limit, Compressor& compressor,
                                     std::vector<std::byte>& out) {
    struct stat facts{};
    if (fstat(descriptor, &facts) != 0) return read_failed(errno);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size > limit) {
        return fail(FaultKind::refused, "the file has " + std::to_string(size) + " bytes, more than the " +
                                            std::to_string(limit) + " it may have");
    }
    out.clear();
    if (auto begun = compressor.begin(size, out); !begun) return std::unexpected(std::move(begun).error());
    std::array<std::byte, read_bytes> buffer;
    ContentHash hash;
    std::uint64_t offset = 0;
    for (;;) {
        const auto got = read_at(descriptor, buffer, offset);
        if (!got) return std::unexpected(got.error());
        if (*got == 0) break;
        offset += *got;
        if (offset > size) break;
        const auto content = std::span(buffer).first(*got);
        hash.append(content);
        if (auto done = compressor.append(content, out); !done) return std::unexpected(std::move(done).error());
    }
    if (offset != size) return fail(FaultKind::corrupt, "the size changed while the file was read");
    if (auto done = compressor.finish(out); !done) return std::unexpected(std::move(done).error());
    return CompressedFile{.size = size, .content_hash = hash.text()};
}

}  // namespace pgbosun::codec
