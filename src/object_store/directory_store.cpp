#include "object_store/directory_store.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "object_store/destination.hpp"
#include "object_store/directory_files.hpp"
#include "object_store/directory_listing.hpp"
#include "object_store/directory_upload.hpp"
#include "object_store/parts.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::size_t remembered_directories = 10'000;
constexpr int creation_attempts = 3;  // a concurrent removal may take the directory away under us

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Unique among all writers to a shared volume, other machines' too: link and O_EXCL decide, the name only spreads.
std::string unique_name() {
    static std::atomic<std::uint64_t> counter = 0;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return std::to_string(getpid()) + '-' + std::to_string(now.tv_sec * 1'000'000'000 + now.tv_nsec) + '-' +
           std::to_string(++counter);
}

std::string temporary_beside(const std::string& path) {
    return parent_of(path) + '/' + std::string(temporary_prefix) + unique_name();
}

// Removes the temporary file unless it is gone already.
class TemporaryFile {
public:
    explicit TemporaryFile(std::string path) : path_(std::move(path)) {}
    ~TemporaryFile() { remove(); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }
    void remove() {
        if (!path_.empty()) unlink(path_.c_str());
        path_.clear();
    }
    std::string keep() { return std::exchange(path_, {}); }

private:
    std::string path_;
};

// What is there and cannot be read is damaged: to wait for it brings nothing.
Fault unreadable(std::string_view doing, const std::string& path, int error) {
    Fault fault = file_fault(doing, path, error);
    if (error != EIO && error != ELOOP) return fault;
    fault.kind = FaultKind::corrupt;
    if (error == EIO) fault.hint = "the kernel's log says what is wrong with the disk";
    return fault;
}

}  // namespace

std::unique_ptr<DirectoryStore> DirectoryStore::open(std::string root, MissingRoot missing,
                                                     std::function<void(WriteStep)> after_step) {
    std::unique_ptr<DirectoryStore> store(new DirectoryStore(std::move(root), missing, std::move(after_step)));
    // Without success every call tries again and says why.
    std::ignore = store->check_root();
    return store;
}

Result<> DirectoryStore::check(const std::string& key) const {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    if (auto fits = check_key(key); !fits) return fits;
    for (std::size_t at = 0; at != std::string::npos; at = key.find('/', at)) {
        if (key[at] == '/') ++at;
        if (is_temporary(std::string_view(key).substr(at))) {
            return fail(FaultKind::refused, "key " + key + " has the name of a temporary file");
        }
    }
    return {};
}

// Tells "there is no such object" from "the volume is not there".
Result<> DirectoryStore::check_root() const {
    struct stat facts{};
    if (stat(root_.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
        root_seen_ = true;
        return {};
    }
    if (!root_seen_ && missing_ == MissingRoot::make) {
        if (auto made = make_root(root_); !made) {
            return std::unexpected(std::move(made).error().in("archive.destination"));
        }
        root_seen_ = true;
        return {};
    }
    return fail(FaultKind::unavailable, "the archive's directory " + root_ + " is gone", "mount its volume again");
}

std::uint64_t DirectoryStore::place() const {
    struct stat facts{};
    if (stat(root_.c_str(), &facts) != 0) return 0;
    return (static_cast<std::uint64_t>(facts.st_dev) << 40) ^ facts.st_ino;
}

Result<> DirectoryStore::put_if_absent(const std::string& key, std::span<const std::byte> body,
                                       const ObjectMetadata& metadata) {
    return store(key, body, metadata, Naming::new_only);
}

Result<> DirectoryStore::put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) {
    return store(key, body, metadata, Naming::replacing);
}

Result<> DirectoryStore::store(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata,
                               Naming naming) {
    if (auto fits = check(key); !fits) return fits;
    if (auto there = check_root(); !there) return there;
    const std::string path = path_of(key);
    struct stat facts{};
    const bool taken = naming == Naming::new_only && lstat(path.c_str(), &facts) == 0;
    if (!taken) {
        TemporaryFile temporary(temporary_beside(path));
        const auto descriptor = create_temporary(temporary.path());
        if (!descriptor) return std::unexpected(descriptor.error());
        const OpenFile file(*descriptor);
        passed(WriteStep::created);
        if (auto filled = fill(file.get(), temporary.path(), body, metadata); !filled) return filled;
        auto named = name(temporary.path(), path, naming);
        if (!named && named.error().kind != FaultKind::conflict) return named;
        passed(WriteStep::named);
        temporary.remove();
        passed(WriteStep::temporary_removed);
        if (named) {
            auto synced = sync_directory(parent_of(path));
            passed(WriteStep::directory_synced);
            return synced;
        }
    }
    // Whoever named it may have been killed before the fsync; the caller may take "it is there" for "it is durable".
    if (auto synced = make_directories(root_, parent_of(path)); !synced) return synced;
    if (auto synced = sync_directory(parent_of(path)); !synced) return synced;
    return fail(FaultKind::conflict, key + " exists already in the archive");
}

Result<std::unique_ptr<PartedUpload>> DirectoryStore::begin_parted(const std::string& key, std::uint64_t part_size,
                                                                   const ObjectMetadata& metadata) {
    if (auto fits = check(key); !fits) return std::unexpected(std::move(fits).error());
    if (auto fits = check_part_size(part_size); !fits) return std::unexpected(std::move(fits).error());
    if (auto there = check_root(); !there) return std::unexpected(std::move(there).error());
    const std::string path = path_of(key);
    TemporaryFile temporary(upload_beside(path, unique_name()));
    const auto descriptor = create_temporary(temporary.path());
    if (!descriptor) return std::unexpected(descriptor.error());
    OpenFile file(*descriptor);
    passed(WriteStep::created);
    if (auto kept = write_metadata(file.get(), metadata, temporary.path()); !kept) {
        return std::unexpected(std::move(kept).error());
    }
    UploadContext context{.root = root_,
                          .cancelled = cancelled_,
                          .part_written = [this] { passed(WriteStep::written); },
                          .synced = [this] { passed(WriteStep::synced); },
                          .named = [this] { passed(WriteStep::named); },
                          .directory_synced = [this] { passed(WriteStep::directory_synced); }};
    return std::make_unique<DirectoryUpload>(std::move(context), std::move(file), temporary.keep(), path, part_size);
}

Result<std::uint64_t> DirectoryStore::abort_unfinished(const std::string& prefix) {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    if (auto there = check_root(); !there) return std::unexpected(std::move(there).error());
    return abort_uploads(root_, prefix);
}

Result<> DirectoryStore::fill(int descriptor, const std::string& path, std::span<const std::byte> body,
                              const ObjectMetadata& metadata) {
    if (auto kept = write_metadata(descriptor, metadata, path); !kept) return kept;
    if (auto written = write_all(descriptor, body, path); !written) return written;
    passed(WriteStep::written);
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    auto synced = sync_file(descriptor, path);
    if (synced) posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    passed(WriteStep::synced);
    return synced;
}

Result<> DirectoryStore::name(const std::string& temporary, const std::string& path, Naming naming) {
    int done =
        naming == Naming::replacing ? rename(temporary.c_str(), path.c_str()) : link(temporary.c_str(), path.c_str());
    // Some network and FUSE file systems have no hard links.
    const bool no_links = done != 0 && (errno == EPERM || errno == ENOTSUP || errno == ENOSYS || errno == EMLINK);
    if (naming == Naming::new_only && no_links) {
        done = renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE);
        if (done != 0 && errno == EINVAL) {
            return fail(FaultKind::refused, path + ": the file system can neither link nor rename without replacing",
                        "put the archive on a file system that has hard links");
        }
    }
    if (done == 0) return {};
    if (errno == EEXIST || errno == EISDIR) return fail(FaultKind::conflict, path + " exists already");
    return std::unexpected(file_fault("naming", path, errno));
}

Result<> DirectoryStore::ensure_directory(const std::string& directory) {
    {
        const std::lock_guard lock(mutex_);
        if (durable_directories_.contains(directory)) return {};
    }
    if (auto made = make_directories(root_, directory); !made) return made;
    const std::lock_guard lock(mutex_);
    if (durable_directories_.size() >= remembered_directories) durable_directories_.clear();
    durable_directories_.insert(directory);
    return {};
}

Result<int> DirectoryStore::create_temporary(const std::string& path) {
    const std::string directory = parent_of(path);
    for (int attempt = 1;; ++attempt) {
        if (auto made = ensure_directory(directory); !made) return std::unexpected(std::move(made).error());
        if (attempt == 1) passed(WriteStep::directories_made);
        const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (descriptor >= 0) return descriptor;
        if (errno != ENOENT || attempt == creation_attempts) {
            return std::unexpected(file_fault("creating", path, errno));
        }
        const std::lock_guard lock(mutex_);
        durable_directories_.clear();
    }
}

Result<int> DirectoryStore::open_object(const std::string& key, ObjectFacts& facts) const {
    if (auto fits = check(key); !fits) return std::unexpected(std::move(fits).error());
    const std::string path = path_of(key);
    // Not blocking, should somebody have put a FIFO there.
    OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    const int error = errno;
    struct stat found{};
    const bool absent = !file.is_open() ? error == ENOENT || error == ENOTDIR
                                        : fstat(file.get(), &found) == 0 && S_ISDIR(found.st_mode);
    if (absent) {
        if (auto there = check_root(); !there) return std::unexpected(std::move(there).error());
        return fail(FaultKind::not_found, "the archive has no " + key);
    }
    if (!file.is_open()) return std::unexpected(unreadable("opening", path, error));
    if (!S_ISREG(found.st_mode)) return fail(FaultKind::corrupt, path + " is not a regular file");
    auto metadata = read_metadata(file.get(), path);
    if (!metadata) return std::unexpected(std::move(metadata).error());
    facts = {.key = key, .size = static_cast<std::uint64_t>(found.st_size), .metadata = *std::move(metadata)};
    return dup(file.get());
}

Result<ObjectFacts> DirectoryStore::head(const std::string& key) {
    ObjectFacts facts;
    const auto descriptor = open_object(key, facts);
    if (!descriptor) return std::unexpected(descriptor.error());
    const OpenFile file(*descriptor);
    return facts;
}

Result<ObjectFacts> DirectoryStore::get(const std::string& key, const Sink& sink,
                                        const std::function<void()>& restart) {
    ObjectFacts facts;
    const auto descriptor = open_object(key, facts);
    if (!descriptor) return std::unexpected(descriptor.error());
    const OpenFile file(*descriptor);
    if (restart) restart();
    std::vector<std::byte> buffer(read_bytes);
    std::uint64_t taken = 0;
    for (;;) {
        if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
        const ssize_t got = read(file.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(unreadable("reading", path_of(key), errno));
        if (got == 0) break;
        taken += static_cast<std::uint64_t>(got);
        if (auto fed = sink(std::span(buffer).first(static_cast<std::size_t>(got))); !fed) {
            return std::unexpected(std::move(fed).error());
        }
    }
    if (taken != facts.size) return fail(FaultKind::unavailable, path_of(key) + " changed while it was read");
    return facts;
}

Result<Listing> DirectoryStore::list(const std::string& prefix, const std::string& delimiter,
                                     const std::optional<std::string>& after) {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    if (auto there = check_root(); !there) return std::unexpected(std::move(there).error());
    return list_directory(root_, prefix, delimiter, after);
}

// Empty directories are left behind by a kill, and do no harm.
Result<> DirectoryStore::remove(const std::vector<std::string>& keys) {
    std::set<std::string> touched;
    for (const auto& key : keys) {
        if (auto fits = check(key); !fits) return fits;
        const std::string path = path_of(key);
        if (unlink(path.c_str()) == 0) {
            touched.insert(parent_of(path));
        } else if (errno != ENOENT && errno != ENOTDIR && errno != EISDIR) {
            return std::unexpected(file_fault("removing", path, errno));
        }
    }
    if (auto there = check_root(); !there) return there;
    for (const auto& directory : touched) {
        if (auto synced = sync_directory(directory); !synced) return synced;
    }
    for (const auto& directory : touched) {
        remove_empty_directories(root_, directory);
    }
    return {};
}

}  // namespace pgbosun::object_store
