#include "host/file_operations.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "host/system_fault.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::host::file_operations {
namespace {

constexpr const char* new_suffix = ".pgbosun-new";  // what a crash may leave; the next write removes it

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// A name is durable when its directory has been synchronised.
Result<> sync_directory(const std::string& path) {
    const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return system_failure(errno, "synchronising " + path);
    return {};
}

Result<> write_all(int file, const std::string& content, const std::string& path) {
    for (std::size_t done = 0; done < content.size();) {
        const ssize_t written = ::write(file, content.data() + done, content.size() - done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_failure(errno, "writing " + path);
        done += static_cast<std::size_t>(written);
    }
    return {};
}

Result<> write_and_sync(int file, const std::string& content, const std::string& path) {
    if (auto written = write_all(file, content, path); !written) return written;
    // After a failed fsync the kernel may call the lost pages clean: the file is never used.
    if (::fsync(file) != 0) return system_failure(errno, "synchronising " + path);
    return {};
}

Result<> write_new(const std::string& path, const std::string& content) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return system_failure(errno, "removing " + path);
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return system_failure(errno, "writing " + path);
    // umask may take rights away only; 0600 is promised.
    if (::fchmod(file.get(), 0600) != 0) return system_failure(errno, "writing " + path);
    return write_and_sync(file.get(), content, path);
}

FileType type_of(mode_t mode) {
    if (S_ISREG(mode)) return FileType::regular;
    if (S_ISDIR(mode)) return FileType::directory;
    return S_ISLNK(mode) ? FileType::link : FileType::other;
}

}  // namespace

Result<std::string> read(const std::string& path, std::size_t limit) {
    // A FIFO in the place of the file must not hold us.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0) return system_failure(errno, "reading " + path);
    if (!S_ISREG(facts.st_mode)) return fail(FaultKind::refused, "reading " + path + ": it is not a regular file");
    std::string content;
    content.resize(std::min(static_cast<std::size_t>(facts.st_size), limit) + 1);
    std::size_t length = 0;
    while (length <= limit) {
        if (length == content.size()) content.resize(std::min(2 * length, limit + 1));
        const ssize_t got = ::read(file.get(), content.data() + length, content.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(errno, "reading " + path);
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    if (length > limit) {
        return fail(FaultKind::refused, "reading " + path + ": larger than " + std::to_string(limit) + " bytes");
    }
    content.resize(length);
    return content;
}

Result<std::string> read_part(const std::string& path, std::uint64_t offset, std::size_t size) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0) return system_failure(errno, "reading " + path);
    if (!S_ISREG(facts.st_mode)) return fail(FaultKind::refused, "reading " + path + ": it is not a regular file");
    std::string content(size, '\0');
    std::size_t length = 0;
    while (length < size) {
        const auto at = static_cast<off_t>(offset + length);
        const ssize_t got = ::pread(file.get(), content.data() + length, size - length, at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return system_failure(errno, "reading " + path);
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    content.resize(length);
    return content;
}

Result<> write_durably(const std::string& path, const std::string& content) {
    const std::string beside = path + new_suffix;
    auto written = write_new(beside, content);
    if (written && ::rename(beside.c_str(), path.c_str()) != 0) written = system_failure(errno, "replacing " + path);
    if (!written) {
        ::unlink(beside.c_str());
        return written;
    }
    return sync_directory(directory_of(path));
}

Result<> append_durably(const std::string& path, const std::string& content) {
    bool created = true;
    Descriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file && errno == EEXIST) {
        created = false;
        file = Descriptor(::open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC));
    }
    if (!file) return system_failure(errno, "appending to " + path);
    if (auto written = write_and_sync(file.get(), content, path); !written) return written;
    return created ? sync_directory(directory_of(path)) : Result<>();
}

Result<> remove_durably(const std::string& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return system_failure(errno, "removing " + path);
    }
    return sync_directory(directory_of(path));
}

Result<> rename_durably(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_failure(errno, "renaming " + from + " to " + to);
    if (auto synced = sync_directory(directory_of(to)); !synced) return synced;
    return directory_of(from) == directory_of(to) ? Result<>() : sync_directory(directory_of(from));
}

Result<std::size_t> rename_each_durably(const std::string& directory, std::span<const std::string> from_and_to) {
    std::size_t done = 0;
    for (std::size_t at = 0; at + 1 < from_and_to.size(); at += 2) {
        const std::string from = directory + "/" + from_and_to[at];
        const std::string to = directory + "/" + from_and_to[at + 1];
        if (::rename(from.c_str(), to.c_str()) == 0) {
            ++done;
        } else if (errno != ENOENT) {
            return system_failure(errno, "renaming " + from + " to " + to);
        }
    }
    if (auto synced = sync_directory(directory); !synced) return std::unexpected(std::move(synced.error()));
    return done;
}

Result<> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(directory_of(path));
    if (errno == ENOENT && directory_of(path) != path) {
        if (auto parent = make_directory(directory_of(path)); !parent) return parent;
        if (::mkdir(path.c_str(), 0700) == 0) return sync_directory(directory_of(path));
    }
    const int error = errno;
    struct stat facts{};
    if (error == EEXIST && ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) return {};
    return system_failure(error, "making the directory " + path);
}

Result<> remove_tree(const std::string& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return system_failure(error.value(), "removing " + path);
    struct stat facts{};
    const std::string parent = directory_of(path);
    return ::stat(parent.c_str(), &facts) == 0 ? sync_directory(parent) : Result<>();
}

Result<> change_mode(const std::string& path, std::uint32_t mode) {
    if (::chmod(path.c_str(), mode & 07777) == 0) return {};
    return system_failure(errno, "changing the mode of " + path);
}

Result<> make_fifo(const std::string& path) {
    if (::mkfifo(path.c_str(), 0600) == 0) return {};
    const int error = errno;
    struct stat facts{};
    if (error == EEXIST && ::lstat(path.c_str(), &facts) == 0 && S_ISFIFO(facts.st_mode)) return {};
    return system_failure(error, "making the FIFO " + path);
}

Result<std::vector<std::string>> list(const std::string& path, std::size_t limit) {
    struct Close {
        void operator()(DIR* directory) const { ::closedir(directory); }
    };
    const std::unique_ptr<DIR, Close> directory(::opendir(path.c_str()));
    if (!directory) return system_failure(errno, "listing " + path);
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) {
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (names.size() == limit) {
            return fail(FaultKind::refused, "listing " + path + ": more than " + std::to_string(limit) + " entries");
        }
        names.push_back(std::move(name));
    }
    if (errno != 0) return system_failure(errno, "listing " + path);
    return names;
}

Result<FileFacts> inspect(const std::string& path) {
    struct stat facts{};
    if (::lstat(path.c_str(), &facts) != 0) return system_failure(errno, "looking at " + path);
    return FileFacts{
        type_of(facts.st_mode), facts.st_uid,
        facts.st_mode & 07777U, static_cast<std::uint64_t>(facts.st_size),
        facts.st_dev,           std::int64_t{facts.st_mtim.tv_sec} * 1'000'000'000 + facts.st_mtim.tv_nsec};
}

Result<VolumeFacts> volume(const std::string& path) {
    struct statvfs facts{};
    if (::statvfs(path.c_str(), &facts) != 0) return system_failure(errno, "asking for the room at " + path);
    return VolumeFacts{std::uint64_t{facts.f_blocks} * facts.f_frsize, std::uint64_t{facts.f_bavail} * facts.f_frsize};
}

}  // namespace pgbosun::host::file_operations
