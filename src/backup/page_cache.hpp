#pragma once
// Leaves the page cache as it was: what a backup reads and nobody else had there is dropped behind it, what
// PostgreSQL works with stays. (A plain POSIX_FADV_DONTNEED over the file would throw out both.)

#include <cstdint>
#include <vector>

namespace pgbosun::backup {

// For one thread; its memory is used again for each file.
class PageCache {
public:
    // Notes what of the file is cached now.
    void begin(int descriptor, std::uint64_t size);
    // All before `offset` has been read.
    void passed(std::uint64_t offset);
    void finish();

private:
    void drop(std::uint64_t from, std::uint64_t until) const;

    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    std::uint64_t dropped_ = 0;            // bytes
    std::vector<unsigned char> resident_;  // a byte for each page of memory, as mincore answers
};

}  // namespace pgbosun::backup
