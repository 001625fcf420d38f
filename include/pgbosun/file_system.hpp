#pragma once
// Files for PID 1, which itself never blocks on a disk: every call is carried out by a small child process
// and answers `unavailable` when the disk does not answer in time. A call that timed out may still happen.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun {

enum class FileType { regular, directory, link, other };

struct FileFacts {
    FileType type = FileType::regular;
    std::uint32_t owner = 0;  // uid
    std::uint32_t mode = 0;   // permission bits only
    std::uint64_t size = 0;
    std::uint64_t device = 0;
    std::int64_t modified_ns = 0;  // since the epoch
};

struct VolumeFacts {
    std::uint64_t total_bytes = 0;
    std::uint64_t available_bytes = 0;  // to us, without the reserve of root
};

struct Rename {
    std::string from, to;  // names without a directory
};

class FileSystem {
public:
    virtual ~FileSystem() = default;

    // The whole file. not_found; refused when it is larger than `limit` bytes.
    virtual Task<Result<std::string>> read(std::string path, std::size_t limit) = 0;
    // Success: after a power cut `path` holds `content`, else what it held before; never a part. (Written
    // beside, fsynced, renamed, directory fsynced.) Mode 0600.
    virtual Task<Result<>> write_durably(std::string path, std::string content) = 0;
    // Appends and fsyncs. A crash may leave the last line incomplete.
    virtual Task<Result<>> append_durably(std::string path, std::string content) = 0;
    // Success also when it was not there.
    virtual Task<Result<>> remove_durably(std::string path) = 0;
    virtual Task<Result<>> rename_durably(std::string from, std::string to) = 0;
    // All of them within one directory, which is fsynced once at the end. What is not there (any more) is passed over.
    // Answers how many were renamed; after a failure some may have been.
    virtual Task<Result<std::size_t>> rename_each_durably(std::string directory, std::vector<Rename> renames) = 0;
    // With parents, mode 0700; success when it exists already (its mode is then left alone).
    virtual Task<Result<>> make_directory(std::string path) = 0;
    // Removes a directory and all below it; does not follow links. Has no time limit but its own: 10 minutes.
    virtual Task<Result<>> remove_tree(std::string path) = 0;
    virtual Task<Result<>> change_mode(std::string path, std::uint32_t mode) = 0;
    virtual Task<Result<>> make_fifo(std::string path) = 0;
    // Names without `.` and `..`, unordered. refused when there are more than `limit`.
    virtual Task<Result<std::vector<std::string>>> list(std::string path, std::size_t limit) = 0;
    // Does not follow a link at the end of `path`.
    virtual Task<Result<FileFacts>> inspect(std::string path) = 0;
    virtual Task<Result<VolumeFacts>> volume(std::string path) = 0;
    // `size` bytes from `offset` on; fewer where the file ends before. not_found.
    virtual Task<Result<std::string>> read_part(std::string path, std::uint64_t offset, std::size_t size) = 0;
};

}  // namespace pgbosun
