#include "pgbosun/direct_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <tuple>
#include <utility>

namespace pgbosun {
namespace {

constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
constexpr std::size_t alignment = 4096;  // of memory, offset and length; a device that wants more says EINVAL
constexpr std::uint64_t direct_from = buffer_bytes;  // bytes; smaller files gain nothing
// From this size on the kernel is asked to begin writing at once, so that the sync at the end finds little to do.
constexpr std::uint64_t write_back_from = std::uint64_t{4} << 20;

}  // namespace

void DirectFile::begin(Descriptor file, std::uint64_t size) {
    file_ = std::move(file);
    size_ = size;
    filled_ = 0;
    const bool large = size >= direct_from;
    if (large && !buffer_) buffer_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, buffer_bytes)));
    // Not at open(2), which leaves the file behind where it refuses: some file systems cannot do it.
    direct_ = large && buffer_ && ::fcntl(file_.get(), F_SETFL, O_DIRECT) == 0;
}

bool DirectFile::append(std::span<const std::byte> bytes) {
    while (direct_ && !bytes.empty()) {
        const auto count = std::min(bytes.size(), buffer_bytes - filled_);
        std::memcpy(buffer_.get() + filled_, bytes.data(), count);
        filled_ += count;
        bytes = bytes.subspan(count);
        if (filled_ == buffer_bytes && !write_buffer()) return false;
    }
    return write(bytes);
}

bool DirectFile::finish() {
    if (direct_) {
        // What is not a whole block goes through the cache.
        const std::size_t rest = filled_ % alignment;
        filled_ -= rest;
        const auto* const tail = buffer_.get() + filled_;
        if (!write_buffer() || (rest > 0 && (!leave_direct() || !write({tail, rest})))) return false;
    } else if (size_ >= write_back_from) {
        // Only a request; what fails here fails at the sync.
        std::ignore = ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
    }
    file_.reset();
    return true;
}

bool DirectFile::write_buffer() { return write({buffer_.get(), std::exchange(filled_, 0)}); }

bool DirectFile::leave_direct() { return ::fcntl(file_.get(), F_SETFL, 0) == 0; }

bool DirectFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EINVAL && direct_ && leave_direct()) {
            direct_ = false;
            continue;
        }
        if (count < 0) return false;
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
}

}  // namespace pgbosun
