#include "backup/page_cache.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace pgbosun::backup {
namespace {

constexpr std::uint64_t window = std::uint64_t{8} << 20;     // bytes dropped at a time
constexpr std::uint64_t piece = std::uint64_t{256} << 10;    // bytes that are dropped or kept as one
constexpr std::uint64_t largest = std::uint64_t{4} << 30;    // bytes; of a larger file nothing is dropped
constexpr std::uint64_t smallest = std::uint64_t{64} << 10;  // bytes; a smaller file is not worth the calls

std::uint64_t memory_page() {
    static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

}  // namespace

void PageCache::begin(int descriptor, std::uint64_t size) {
    descriptor_ = descriptor;
    size_ = 0;
    dropped_ = 0;
    if (size < smallest || size > largest) return;
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) return;
    resident_.assign((size + memory_page() - 1) / memory_page(), 1);
    if (::mincore(mapped, size, resident_.data()) == 0) size_ = size;
    ::munmap(mapped, size);
}

void PageCache::passed(std::uint64_t offset) {
    const auto until = std::min(offset, size_) / window * window;
    if (until <= dropped_) return;
    drop(dropped_, until);
    dropped_ = until;
}

void PageCache::finish() {
    if (dropped_ < size_) drop(dropped_, size_);
    size_ = 0;
}

void PageCache::drop(std::uint64_t from, std::uint64_t until) const {
    for (auto at = from; at < until; at += piece) {
        const auto length = std::min(piece, until - at);
        const auto first = resident_.begin() + static_cast<std::ptrdiff_t>(at / memory_page());
        const auto last =
            resident_.begin() + static_cast<std::ptrdiff_t>((at + length + memory_page() - 1) / memory_page());
        const auto cached = std::count_if(first, last, [](unsigned char page) { return (page & 1) != 0; });
        if (cached * 2 >= last - first) continue;
        ::posix_fadvise(descriptor_, static_cast<off_t>(at), static_cast<off_t>(length), POSIX_FADV_DONTNEED);
    }
}

}  // namespace pgbosun::backup
