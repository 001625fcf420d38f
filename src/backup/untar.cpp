#include "backup/untar.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/crc32c.hpp"

namespace pgbosun::backup {
namespace {

constexpr mode_t directory_mode = 0700;
constexpr mode_t file_mode = 0600;
constexpr int enter_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::unexpected<Fault> cannot(std::string_view verb, const std::string& path) {
    const std::string what = "cannot " + std::string(verb) + " " + path + ": " + std::strerror(errno);
    switch (errno) {
        case ENOSPC:
        case EDQUOT: return fail(FaultKind::refused, what, "make room on the file system, then begin again");
        case EEXIST: return fail(FaultKind::corrupt, path + " comes twice");
        case ELOOP:
        case ENOTDIR:
        case EISDIR: return fail(FaultKind::corrupt, what);
        // What does not pass by itself is not tried again and again, as an archive that is away is.
        case EACCES:
        case EPERM:
        case EROFS: return fail(FaultKind::refused, what, "the directory must be the restoring user's, and writable");
        case EIO: return fail(FaultKind::refused, what, "the kernel's log says what is wrong with the disk");
        default: return fail(FaultKind::unavailable, what);
    }
}

Result<Descriptor> enter_or_make(int parent, const std::string& name, const std::string& path) {
    int found = ::openat(parent, name.c_str(), enter_flags);
    if (found < 0 && errno == ENOENT) {
        // Another worker may make it at the same moment.
        if (::mkdirat(parent, name.c_str(), directory_mode) != 0 && errno != EEXIST) {
            return cannot("make the directory", path);
        }
        found = ::openat(parent, name.c_str(), enter_flags);
    }
    if (found < 0) return cannot("enter", path);
    return Descriptor(found);
}

std::string_view parent_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

}  // namespace

void Untar::restart() {
    reader_.restart();
    file_.reset();
    open_.give_up();
    replaces_ = true;
    bytes_ = 0;
}

Result<int> Untar::enter(std::string_view parent) {
    if (parent.empty()) return directory_;
    if (parent_ && parent == parent_path_) return parent_.get();
    parent_.reset();
    int here = directory_;
    for (std::size_t begin = 0; begin < parent.size();) {
        const auto end = std::min(parent.find('/', begin), parent.size());
        auto next = enter_or_make(here, std::string(parent.substr(begin, end - begin)), std::string(parent));
        if (!next) return std::unexpected(std::move(next.error()));
        parent_ = std::move(*next);
        here = parent_.get();
        begin = end + 1;
    }
    parent_path_ = parent;
    return here;
}

Result<> Untar::create(const std::string& path, std::uint64_t size) {
    const auto parent = enter(parent_of(path));
    if (!parent) return std::unexpected(parent.error());
    const std::string name = path.substr(path.rfind('/') + 1);
    if (replaces_ && ::unlinkat(*parent, name.c_str(), 0) != 0 && errno != ENOENT) return cannot("replace", path);
    Descriptor file(::openat(*parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
    if (!file) return cannot("create", path);
    open_.begin(std::move(file), size);
    return {};
}

Result<> Untar::begin(const TarMember& entry) {
    const auto place = placement_(entry);
    if (!place) return std::unexpected(place.error());
    if (entry.type == TarMember::Type::file) file_ = UnpackedFile{entry.path, entry.size, 0};
    if (!*place) return {};
    switch (entry.type) {
        case TarMember::Type::file: return create(**place, entry.size);
        case TarMember::Type::directory: {
            const auto made = enter(**place);
            if (!made) return std::unexpected(made.error());
            return {};
        }
        case TarMember::Type::symbolic_link: break;
    }
    return fail(FaultKind::corrupt, "the tar has a link " + entry.path + " to " + entry.target);
}

Result<> Untar::content(std::span<const std::byte> piece) {
    file_->crc32c = codec::crc32c(file_->crc32c, piece);
    bytes_ += piece.size();
    if (open_.is_open() && !open_.append(piece)) return cannot("write", file_->path);
    return {};
}

Result<> Untar::end() {
    if (!file_) return {};
    const UnpackedFile file = *std::exchange(file_, {});
    if (open_.is_open() && !open_.finish()) return cannot("write", file.path);
    return on_file_(file);
}

}  // namespace pgbosun::backup
