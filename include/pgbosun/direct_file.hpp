#pragma once
// A file that is written once, from its beginning to its end, past the page cache where the file system can do that: an
// archive or a restored database is larger than the memory of its pod, and copying it through the cache costs several
// times more processor time than the disk needs. Not fsynced.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "pgbosun/descriptor.hpp"

namespace pgbosun {

// For one thread. Its buffer of 1 MB is made with the first large file and kept for the next.
class DirectFile {
public:
    // `file` is empty, and will get `size` bytes.
    void begin(Descriptor file, std::uint64_t size);
    [[nodiscard]] bool is_open() const { return static_cast<bool>(file_); }
    // False: errno says why, and the file is not to be used.
    bool append(std::span<const std::byte> bytes);
    // All that was appended is written; the file is closed.
    bool finish();
    void give_up() { file_.reset(); }

private:
    bool write(std::span<const std::byte> bytes);
    bool write_buffer();
    bool leave_direct();

    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    Descriptor file_;
    std::uint64_t size_ = 0;
    bool direct_ = false;
    std::unique_ptr<std::byte, Free> buffer_;
    std::size_t filled_ = 0;
};

}  // namespace pgbosun
