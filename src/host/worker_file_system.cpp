#include "host/worker_file_system.hpp"

#include <algorithm>
#include <cstring>

namespace pgbosun::host {
namespace {

Task<Result<>> done(FileWorker& worker, FileRequest request) {
    if (request.second.size() > largest_content) {
        co_return fail(FaultKind::refused, request.path + ": more than 16 MiB to write");
    }
    auto answer = co_await worker.call(std::move(request));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    co_return Result<>();
}

template <class Facts>
Task<Result<Facts>> facts(FileWorker& worker, FileRequest request) {
    auto answer = co_await worker.call(std::move(request));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    Facts value;
    if (answer->size() != sizeof value) co_return fail(FaultKind::corrupt, "the file worker's answer is malformed");
    std::memcpy(&value, answer->data(), sizeof value);
    co_return value;
}

}  // namespace

WorkerFileSystem::WorkerFileSystem(boost::asio::io_context& loop, ChildProcesses& processes, Duration limit,
                                   std::string name)
    : files_(loop, processes, limit, name), trees_(loop, processes, tree_limit, std::move(name)) {}

// gcc 12: every request has a name before it is moved into the call.

Task<Result<std::string>> WorkerFileSystem::read(std::string path, std::size_t limit) {
    FileRequest request{FileVerb::read, std::move(path), {}, std::min<std::uint64_t>(limit, largest_content)};
    return files_.call(std::move(request));
}

Task<Result<std::string>> WorkerFileSystem::read_part(std::string path, std::uint64_t offset, std::size_t size) {
    FileRequest request{FileVerb::read_part, std::move(path), {}, size, offset};
    return files_.call(std::move(request));
}

Task<Result<>> WorkerFileSystem::write_durably(std::string path, std::string content) {
    FileRequest request{FileVerb::write_durably, std::move(path), std::move(content)};
    return done(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::append_durably(std::string path, std::string content) {
    FileRequest request{FileVerb::append_durably, std::move(path), std::move(content)};
    return done(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::remove_durably(std::string path) {
    FileRequest request{FileVerb::remove_durably, std::move(path)};
    return done(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::rename_durably(std::string from, std::string to) {
    FileRequest request{FileVerb::rename_durably, std::move(from), std::move(to)};
    return done(files_, std::move(request));
}

Task<Result<std::size_t>> WorkerFileSystem::rename_each_durably(std::string directory, std::vector<Rename> renames) {
    FileRequest request{FileVerb::rename_each_durably, std::move(directory), {}};
    for (const auto& [from, to] : renames) {
        request.second.append(from).push_back('\0');
        request.second.append(to).push_back('\0');
    }
    if (request.second.size() > largest_content) {
        co_return fail(FaultKind::refused, request.path + ": more than 16 MiB of names");
    }
    co_return co_await facts<std::size_t>(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::make_directory(std::string path) {
    FileRequest request{FileVerb::make_directory, std::move(path)};
    return done(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::remove_tree(std::string path) {
    FileRequest request{FileVerb::remove_tree, std::move(path)};
    return done(trees_, std::move(request));
}

Task<Result<>> WorkerFileSystem::change_mode(std::string path, std::uint32_t mode) {
    FileRequest request{FileVerb::change_mode, std::move(path), {}, mode};
    return done(files_, std::move(request));
}

Task<Result<>> WorkerFileSystem::make_fifo(std::string path) {
    FileRequest request{FileVerb::make_fifo, std::move(path)};
    return done(files_, std::move(request));
}

Task<Result<std::vector<std::string>>> WorkerFileSystem::list(std::string path, std::size_t limit) {
    FileRequest request{FileVerb::list, std::move(path), {}, limit};
    auto answer = co_await files_.call(std::move(request));
    if (!answer) co_return std::unexpected(std::move(answer.error()));
    std::vector<std::string> names;
    for (std::size_t at = 0; at < answer->size(); at += names.back().size() + 1) {
        names.emplace_back(answer->data() + at);
    }
    co_return names;
}

Task<Result<FileFacts>> WorkerFileSystem::inspect(std::string path) {
    FileRequest request{FileVerb::inspect, std::move(path)};
    return facts<FileFacts>(files_, std::move(request));
}

Task<Result<VolumeFacts>> WorkerFileSystem::volume(std::string path) {
    FileRequest request{FileVerb::volume, std::move(path)};
    return facts<VolumeFacts>(files_, std::move(request));
}

}  // namespace pgbosun::host
