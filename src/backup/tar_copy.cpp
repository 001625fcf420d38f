#include "backup/tar_copy.hpp"

#include <algorithm>
#include <thread>

#include "backup/layout.hpp"
#include "codec/compressor.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::uint64_t mega = std::uint64_t{1} << 20;
constexpr std::uint64_t parts_to_use = most_parts * 9 / 10;  // what cannot be compressed becomes a little longer
constexpr std::chrono::milliseconds between_ticks{500};

}  // namespace

std::uint64_t part_bytes_for(std::uint64_t tar_bytes, std::uint64_t least) {
    const auto needed = (tar_bytes / parts_to_use / mega + 1) * mega;
    return std::max(needed, least);
}

std::string BackupRoot::shown_path(const FileEntry& file) const {
    const auto path = tree.path_of(file);
    return tablespace ? "pg_tblspc/" + std::to_string(tablespace->oid) + "/" + path : path;
}

TarCopy::TarCopy(TarOrders orders, std::vector<BackupRoot>& roots, UploadPool& pool, ObjectStore& store)
    : orders_(std::move(orders)), roots_(roots), pool_(pool), store_(store), rate_(orders_.max_rate) {}

Result<> TarCopy::run(const TarPlan& plan, const std::stop_token& stop, const std::function<Result<>()>& tick) {
    const std::stop_callback ending(stop, [this] { ending_.request_stop(); });
    const auto workers =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(orders_.workers, 1)), plan.tars.size());
    std::vector<std::jthread> threads;
    threads.reserve(workers);
    {
        const std::lock_guard lock(mutex_);
        working_ = static_cast<int>(workers);
    }
    for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([this, &plan] { work(plan, ending_.get_token()); });
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            if (changed_.wait_for(lock, between_ticks, [this] { return working_ == 0; })) break;
        }
        if (auto ticked = tick(); !ticked) end_with(std::move(ticked.error()));
    }
    threads.clear();
    const std::lock_guard lock(mutex_);
    if (fault_) return std::unexpected(*fault_);
    if (stop.stop_requested()) return fail(FaultKind::cancelled, "the backup was cancelled");
    return {};
}

void TarCopy::end_with(Fault fault) {
    {
        const std::lock_guard lock(mutex_);
        if (!fault_) fault_ = std::move(fault);
    }
    // Only now, for what ends because of it says that it was cancelled.
    ending_.request_stop();
}

void TarCopy::work(const TarPlan& plan, const std::stop_token& stop) {
    FileCopier copier(orders_.checks, orders_.owner, rate_, read_, stop);
    auto compressor = codec::make_compressor(orders_.compression, orders_.level);
    if (!compressor) end_with(std::move(compressor.error()));
    while (!stop.stop_requested()) {
        const auto at = next_++;
        if (at >= plan.tars.size()) break;
        if (auto copied = copy(plan.tars[at], copier, **compressor); !copied) end_with(std::move(copied.error()));
    }
    const std::lock_guard lock(mutex_);
    --working_;
    changed_.notify_all();
}

Result<> TarCopy::copy(const PlannedTar& tar, FileCopier& copier, codec::Compressor& compressor) {
    auto& root = roots_[tar.tree];
    const TarName name{tar.tablespace, tar.part, archive::encoding_of(orders_.compression)};
    PartWriter writer(pool_, store_, orders_.prefix + to_string(name), part_bytes_for(tar.bytes, orders_.least_part));
    TarStream stream(compressor, writer);
    if (auto begun = stream.begin(); !begun) return begun;
    if (tar.directories) {
        if (auto added = add_directories(root.tree, stream); !added) return added;
    }
    for (const auto at : tar.files) {
        const auto& file = root.tree.files[at];
        auto copied = copier.copy(root.tree, file, root.shown_path(file), stream);
        if (!copied) return std::unexpected(std::move(copied.error()));
        root.copied[at] = *copied;
    }
    return stream.finish();
}

Result<> TarCopy::add_directories(const FileTree& tree, TarStream& stream) const {
    for (const auto& directory : tree.directories) {
        const auto path = directory.path.empty() ? "./" : directory.path + "/";
        auto added = stream.entry({.path = path,
                                   .type = TarType::directory,
                                   .mode = directory.mode,
                                   .user = orders_.owner.user,
                                   .group = orders_.owner.group,
                                   .modified = directory.modified});
        if (!added) return added;
    }
    return {};
}

}  // namespace pgbosun::backup
