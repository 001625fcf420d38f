#include "object_store/directory_upload.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <vector>

#include "object_store/parts.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t depth_limit = 32;
constexpr std::size_t write_bytes = 4 * 1024 * 1024;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

Result<> write_at(int descriptor, std::uint64_t offset, std::span<const std::byte> body, const std::string& path) {
    while (!body.empty()) {
        const ssize_t written =
            pwrite(descriptor, body.data(), std::min(body.size(), write_bytes), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(file_fault("writing", path, errno));
        offset += static_cast<std::uint64_t>(written);
        body = body.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

// Of ".pgbosun-tmp.parted.<unique>.<name>"; the unique part has no dot.
std::string name_of_upload(std::string_view file) {
    const std::size_t dot = file.find('.', upload_prefix.size());
    return dot == std::string_view::npos ? std::string() : std::string(file.substr(dot + 1));
}

class Abortion {
public:
    Abortion(const std::string& root, const std::string& prefix) : root_(root), prefix_(prefix) {}

    // `directory` is "" or ends in '/'.
    Result<> visit(const std::string& directory, std::size_t depth) {
        if (depth > depth_limit) return {};
        const std::string path = root_ + '/' + directory;
        const std::unique_ptr<DIR, CloseDirectory> open(opendir(path.c_str()));
        if (!open && (errno == ENOENT || errno == ENOTDIR)) return {};
        if (!open) return std::unexpected(file_fault("listing", path, errno));
        std::vector<std::string> below;
        for (;;) {
            errno = 0;
            const dirent* entry = readdir(open.get());
            if (entry == nullptr && errno != 0) return std::unexpected(file_fault("listing", path, errno));
            if (entry == nullptr) break;
            const std::string name = entry->d_name;
            if (name.starts_with(upload_prefix)) {
                if (auto removed = remove(directory, name); !removed) return removed;
            } else if (name != "." && name != ".." && leads_to_prefix(directory + name + '/')) {
                below.push_back(directory + name + '/');
            }
        }
        for (const auto& next : below) {
            if (auto visited = visit(next, depth + 1); !visited) return visited;
        }
        if (removed_) remove_empty_directories(root_, path.substr(0, path.size() - 1));
        return {};
    }

    [[nodiscard]] std::uint64_t aborted() const { return aborted_; }

private:
    [[nodiscard]] bool leads_to_prefix(const std::string& directory) const {
        return directory.starts_with(prefix_) || prefix_.starts_with(directory);
    }

    Result<> remove(const std::string& directory, const std::string& name) {
        if (!(directory + name_of_upload(name)).starts_with(prefix_)) return {};
        const std::string path = root_ + '/' + directory + name;
        if (unlink(path.c_str()) != 0 && errno != ENOENT) {
            return std::unexpected(file_fault("removing", path, errno));
        }
        removed_ = true;
        ++aborted_;
        return {};
    }

    const std::string& root_;
    const std::string& prefix_;
    bool removed_ = false;
    std::uint64_t aborted_ = 0;
};

}  // namespace

std::string upload_beside(const std::string& path, std::string_view unique) {
    return parent_of(path) + '/' + std::string(upload_prefix) + std::string(unique) + '.' +
           path.substr(path.rfind('/') + 1);
}

Result<> DirectoryUpload::put_part(int number, std::span<const std::byte> body) {
    if (context_.cancelled) return fail(FaultKind::cancelled, "the store is being closed");
    if (auto fits = check_part(number, body.size(), part_size_); !fits) return fits;
    const std::uint64_t offset = (static_cast<std::uint64_t>(number) - 1) * part_size_;
    if (auto written = write_at(file_.get(), offset, body, temporary_); !written) return written;
    // Begun now, so that little is left for complete() to wait for. What is not supported is not needed.
    std::ignore = sync_file_range(file_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(body.size()),
                                  SYNC_FILE_RANGE_WRITE);
    context_.part_written();
    const std::lock_guard lock(mutex_);
    sizes_[number] = body.size();
    return {};
}

Result<std::uint64_t> DirectoryUpload::size_of(int parts) {
    const std::lock_guard lock(mutex_);
    return check_parts(sizes_, parts, part_size_);
}

Result<> DirectoryUpload::complete(int parts) {
    if (context_.cancelled) return fail(FaultKind::cancelled, "the store is being closed");
    const auto size = size_of(parts);
    if (!size) return std::unexpected(size.error());
    // A part that was put again may have been longer before.
    if (ftruncate(file_.get(), static_cast<off_t>(*size)) != 0) {
        return std::unexpected(file_fault("cutting", temporary_, errno));
    }
    if (auto synced = sync_file(file_.get(), temporary_); !synced) return synced;
    posix_fadvise(file_.get(), 0, 0, POSIX_FADV_DONTNEED);
    context_.synced();
    if (rename(temporary_.c_str(), path_.c_str()) != 0) {
        if (errno == EISDIR) return fail(FaultKind::conflict, path_ + " is a directory");
        return std::unexpected(file_fault("naming", path_, errno));
    }
    context_.named();
    auto synced = sync_directory(parent_of(path_));
    context_.directory_synced();
    return synced;
}

Result<> DirectoryUpload::abort() {
    if (unlink(temporary_.c_str()) != 0 && errno != ENOENT) {
        return std::unexpected(file_fault("removing", temporary_, errno));
    }
    remove_empty_directories(context_.root, parent_of(path_));
    return {};
}

Result<std::uint64_t> abort_uploads(const std::string& root, const std::string& prefix) {
    Abortion abortion(root, prefix);
    if (auto visited = abortion.visit("", 0); !visited) return std::unexpected(std::move(visited).error());
    return abortion.aborted();
}

void remove_empty_directories(const std::string& root, const std::string& directory) {
    for (std::string at = directory; at.size() > root.size() && rmdir(at.c_str()) == 0;) at = parent_of(at);
}

}  // namespace pgbosun::object_store
