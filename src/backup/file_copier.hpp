#pragma once
// Reads one file once: checks its pages, computes its checksum, and feeds it to a tar, all from one buffer.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/file_list.hpp"
#include "backup/page_cache.hpp"
#include "backup/page_survey.hpp"
#include "backup/rate_limit.hpp"
#include "backup/relation_file.hpp"
#include "backup/tar_stream.hpp"

namespace pgbosun::backup {

// Of a file as it was put into a tar.
struct CopiedFile {
    bool present = false;  // false: it had vanished
    std::uint32_t crc32c = 0;
    std::uint64_t size = 0;
    std::int64_t modified = 0;  // seconds since the epoch
};

struct PageChecks {
    Lsn start;                                 // of the backup
    std::uint32_t pages_per_segment = 131072;  // of a relation's segment file
    PageSurvey* survey = nullptr;              // none: the server has no checksums
};

struct FileOwner {
    std::uint32_t user = 0, group = 0;
};

// For one thread; its buffer is used again for each file.
class FileCopier {
public:
    // `read`: counts the bytes that were read.
    FileCopier(PageChecks checks, FileOwner owner, RateLimit& rate, std::atomic<std::uint64_t>& read,
               std::stop_token stop);

    // A file that shrinks is padded with zeros, one that has grown since it was listed is cut, one that has
    // vanished is skipped. `shown_path`: how the manifest and bad pages name it. cancelled: it was told to
    // stop.
    Result<CopiedFile> copy(const FileTree& tree, const FileEntry& file, const std::string& shown_path, TarStream& tar);

private:
    Result<CopiedFile> copy_open(int descriptor, const FileEntry& file, const std::string& path, TarStream& tar);
    Result<std::size_t> fill(int descriptor, std::size_t wanted);
    void check_pages(int descriptor, std::uint64_t offset, std::size_t length);
    void check_again(int descriptor, std::uint64_t page, std::span<std::byte> content);

    const PageChecks checks_;
    const FileOwner owner_;
    RateLimit& rate_;
    std::atomic<std::uint64_t>& read_;
    const std::stop_token stop_;
    std::vector<std::byte> buffer_;
    PageCache cache_;
    std::optional<RelationFile> relation_;  // of the file being read, when its pages are checked
    std::string shown_path_;
};

}  // namespace pgbosun::backup
