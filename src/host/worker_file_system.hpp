#pragma once
// FileSystem over worker processes: a disk that hangs, hangs them. Removing trees has a worker of its own, so that
// it keeps nothing else waiting.

#include "host/file_worker.hpp"
#include "pgbosun/file_system.hpp"

namespace pgbosun::host {

class WorkerFileSystem final : public FileSystem {
public:
    static constexpr Duration default_limit = std::chrono::seconds(10);
    static constexpr Duration tree_limit = std::chrono::minutes(10);

    // `limit` for each call but remove_tree, waiting behind others included. Calls that wait when this is destroyed
    // answer `cancelled`. Content and reads are at most 16 MiB (refused).
    // `name` is the worker process's: one of these for each set of volumes that should not wait for one another.
    WorkerFileSystem(boost::asio::io_context& loop, ChildProcesses& processes, Duration limit = default_limit,
                     std::string name = "pgbosun-files");

    Task<Result<std::string>> read(std::string path, std::size_t limit) override;
    Task<Result<std::string>> read_part(std::string path, std::uint64_t offset, std::size_t size) override;
    Task<Result<>> write_durably(std::string path, std::string content) override;
    Task<Result<>> append_durably(std::string path, std::string content) override;
    Task<Result<>> remove_durably(std::string path) override;
    Task<Result<>> rename_durably(std::string from, std::string to) override;
    Task<Result<std::size_t>> rename_each_durably(std::string directory, std::vector<Rename> renames) override;
    Task<Result<>> make_directory(std::string path) override;
    Task<Result<>> remove_tree(std::string path) override;
    Task<Result<>> change_mode(std::string path, std::uint32_t mode) override;
    Task<Result<>> make_fifo(std::string path) override;
    Task<Result<std::vector<std::string>>> list(std::string path, std::size_t limit) override;
    Task<Result<FileFacts>> inspect(std::string path) override;
    Task<Result<VolumeFacts>> volume(std::string path) override;

private:
    FileWorker files_;
    FileWorker trees_;
};

}  // namespace pgbosun::host
