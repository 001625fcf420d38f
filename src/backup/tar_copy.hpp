#pragma once
// The long part of a base backup: its tars, by some threads.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "archive/layout.hpp"
#include "backup/backup_info.hpp"
#include "backup/backup_job.hpp"
#include "backup/file_copier.hpp"
#include "backup/file_list.hpp"
#include "backup/tar_plan.hpp"
#include "backup/upload_pool.hpp"
#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::backup {

// The data directory or a tablespace, and what became of its files.
struct BackupRoot {
    std::optional<Tablespace> tablespace;  // none: the data directory
    FileTree tree;
    std::vector<CopiedFile> copied;  // beside tree.files

    // As the manifest names it.
    [[nodiscard]] std::string shown_path(const FileEntry& file) const;
};

struct TarOrders {
    std::string prefix;  // of the backup's keys
    Compression compression = Compression::zstd;
    int level = 1;
    int workers = 1;
    FileOwner owner;
    PageChecks checks;
    std::uint64_t max_rate = 0;  // bytes per second; 0: no limit
    std::uint64_t least_part = usual_part;
};

// What a part of a tar is long, `least` at least, so that the tar has no more parts than a store takes.
std::uint64_t part_bytes_for(std::uint64_t tar_bytes, std::uint64_t least);

class TarCopy {
public:
    // All outlive it.
    TarCopy(TarOrders orders, std::vector<BackupRoot>& roots, UploadPool& pool, ObjectStore& store);

    // Calls `tick` on this thread about twice a second; a Fault of it ends the copying, as does `stop`.
    // Success: all tars are on their way; UploadPool::wait() tells that they are there.
    Result<> run(const TarPlan& plan, const std::stop_token& stop, const std::function<Result<>()>& tick);

    [[nodiscard]] std::uint64_t bytes_read() const { return read_; }

private:
    void work(const TarPlan& plan, const std::stop_token& stop);
    Result<> copy(const PlannedTar& tar, FileCopier& copier, codec::Compressor& compressor);
    Result<> add_directories(const FileTree& tree, TarStream& stream) const;
    void end_with(Fault fault);

    const TarOrders orders_;
    std::vector<BackupRoot>& roots_;
    UploadPool& pool_;
    ObjectStore& store_;
    RateLimit rate_;
    std::atomic<std::uint64_t> read_ = 0;
    std::atomic<std::size_t> next_ = 0;  // of the plan's tars
    std::stop_source ending_;            // one of the workers failed, or it was told to stop
    std::mutex mutex_;                   // guards what follows
    std::condition_variable changed_;
    int working_ = 0;
    std::optional<Fault> fault_;  // the first
};

}  // namespace pgbosun::backup
