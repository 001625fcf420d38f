#include "object_store/directory_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "pgbosun/direct_file.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::string_view attribute_prefix = "user.pgbosun.";
constexpr std::size_t attributes_limit = 64 * 1024;  // the kernel's own, for names and for one value

bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

}  // namespace

bool is_temporary(std::string_view name) { return name.starts_with(temporary_prefix); }

OpenFile::~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
}

Fault file_fault(std::string_view doing, const std::string& path, int error) {
    std::string hint;
    if (is_full(error)) hint = "make room on the archive's volume: lower archive.retention or enlarge it";
    if (error == EACCES || error == EPERM || error == EROFS)
        hint = doing == "opening" || doing == "reading" ? "make what is in the archive readable for this user"
                                                        : "make the archive's directory writable for this user";
    return {FaultKind::unavailable, std::string(doing) + ' ' + path + ": " + std::strerror(error), std::move(hint)};
}

Result<> write_all(int descriptor, std::span<const std::byte> body, const std::string& path) {
    Descriptor ours(dup(descriptor));
    if (!ours) return std::unexpected(file_fault("writing", path, errno));
    DirectFile file;
    file.begin(std::move(ours), body.size());
    if (!file.append(body) || !file.finish()) return std::unexpected(file_fault("writing", path, errno));
    return {};
}

Result<> sync_file(int descriptor, const std::string& path) {
    if (fsync(descriptor) == 0) return {};
    return std::unexpected(file_fault("flushing", path, errno));
}

Result<> sync_directory(const std::string& path) {
    const OpenFile directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return std::unexpected(file_fault("opening", path, errno));
    return sync_file(directory.get(), path);
}

Result<> make_directories(const std::string& root, const std::string& directory) {
    for (std::size_t at = root.size(); at < directory.size();) {
        const std::size_t end = std::min(directory.find('/', at + 1), directory.size());
        const std::string path = directory.substr(0, end);
        if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return std::unexpected(file_fault("creating", path, errno));
        // Also for one that was there: who made it may have been killed before its own fsync.
        if (auto synced = sync_directory(directory.substr(0, at)); !synced) return synced;
        at = end;
    }
    return {};
}

Result<> make_root(const std::string& path) {
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at + 1), path.size());
        const std::string made = path.substr(0, end);
        if (mkdir(made.c_str(), 0700) == 0) {
            if (auto synced = sync_directory(at == 0 ? "/" : path.substr(0, at)); !synced) return synced;
        } else if (struct stat facts{}; stat(made.c_str(), &facts) != 0) {
            return std::unexpected(file_fault("creating", made, errno));
        } else if (!S_ISDIR(facts.st_mode)) {
            return std::unexpected(file_fault("creating", made, ENOTDIR));
        }
        at = end;
    }
    return {};
}

Result<> write_metadata(int descriptor, const ObjectMetadata& metadata, const std::string& path) {
    for (const auto& [name, value] : metadata) {
        const std::string attribute = std::string(attribute_prefix) + name;
        if (fsetxattr(descriptor, attribute.c_str(), value.data(), value.size(), 0) == 0) continue;
        if (errno == ENOTSUP) return {};
        return std::unexpected(file_fault("writing attributes of", path, errno));
    }
    return {};
}

Result<ObjectMetadata> read_metadata(int descriptor, const std::string& path) {
    std::string names(attributes_limit, '\0');
    const ssize_t length = flistxattr(descriptor, names.data(), names.size());
    if (length < 0 && errno == ENOTSUP) return ObjectMetadata{};
    if (length < 0) return std::unexpected(file_fault("reading attributes of", path, errno));
    names.resize(static_cast<std::size_t>(length));
    ObjectMetadata metadata;
    for (std::size_t at = 0; at < names.size();) {
        const std::string name = names.c_str() + at;
        at += name.size() + 1;
        if (!name.starts_with(attribute_prefix)) continue;
        std::string value(attributes_limit, '\0');
        const ssize_t size = fgetxattr(descriptor, name.c_str(), value.data(), value.size());
        if (size < 0) return std::unexpected(file_fault("reading attributes of", path, errno));
        value.resize(static_cast<std::size_t>(size));
        metadata[name.substr(attribute_prefix.size())] = std::move(value);
    }
    return metadata;
}

}  // namespace pgbosun::object_store
