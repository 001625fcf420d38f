#include "backup/file_list.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "pgbosun/descriptor.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t deepest = 64;  // directories within directories

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

std::unexpected<Fault> cannot(const char* verb, const std::string& path) {
    const int error = errno;
    const auto kind = error == ENOENT                     ? FaultKind::not_found
                      : error == EACCES || error == EPERM ? FaultKind::refused
                                                          : FaultKind::unavailable;
    return fail(kind, std::string("cannot ") + verb + " " + path + ": " + std::strerror(error));
}

EntryType type_of(const struct stat& facts) {
    if (S_ISREG(facts.st_mode)) return EntryType::file;
    if (S_ISDIR(facts.st_mode)) return EntryType::directory;
    return S_ISLNK(facts.st_mode) ? EntryType::link : EntryType::other;
}

std::uint16_t permissions(const struct stat& facts) { return static_cast<std::uint16_t>(facts.st_mode & 0777); }

std::string below(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : directory + "/" + name;
}

class Scan {
public:
    Scan(const std::string& root, const std::set<std::string>& only) : only_(only) { tree_.root = root; }

    Result<FileTree> run() {
        struct stat facts{};
        if (::stat(tree_.root.c_str(), &facts) != 0) return cannot("inspect", tree_.root);
        tree_.directories.push_back({"", permissions(facts), facts.st_mtim.tv_sec});
        // Grows while it is gone through.
        for (std::uint32_t at = 0; at < tree_.directories.size(); ++at) {
            if (emptied_.contains(at)) continue;
            auto read = list(at);
            if (!read && !(at > 0 && read.error().kind == FaultKind::not_found)) {
                return std::unexpected(std::move(read.error()));
            }
        }
        return std::move(tree_);
    }

private:
    Result<> list(std::uint32_t at) {
        const std::string directory = tree_.directories[at].path;
        const std::string path = tree_.root + "/" + directory;
        const std::unique_ptr<DIR, CloseDirectory> opened(::opendir(path.c_str()));
        if (!opened) return cannot("list", path);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(opened.get())) {
            const std::string name = entry->d_name;
            if (name != "." && name != ".." && (at > 0 || only_.empty() || only_.contains(name))) names.push_back(name);
        }
        if (errno != 0) return cannot("list", path);
        std::ranges::sort(names);
        const auto lost = unlogged_files(names);
        for (const auto& name : names) {
            if (lost.contains(name)) continue;
            if (auto added = add(::dirfd(opened.get()), at, directory, name); !added) return added;
        }
        return {};
    }

    Result<> add(int directory_number, std::uint32_t at, const std::string& directory, const std::string& name) {
        struct stat facts{};
        const std::string path = below(directory, name);
        if (::fstatat(directory_number, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return {};
            return cannot("inspect", tree_.root + "/" + path);
        }
        const auto type = type_of(facts);
        const auto choice = choose_entry(path, type);
        if (choice == Choice::leave_out) {
            const bool expected = type == EntryType::file || type == EntryType::directory || directory == "pg_tblspc";
            if (!expected) tree_.strange.push_back(path);
            return {};
        }
        if (type == EntryType::file) {
            tree_.files.push_back({at, permissions(facts), name, static_cast<std::uint64_t>(facts.st_size)});
            return {};
        }
        if (static_cast<std::size_t>(std::ranges::count(path, '/')) >= deepest) {
            return fail(FaultKind::refused, tree_.root + "/" + path + ": directories are too deep");
        }
        if (choice == Choice::empty_directory) emptied_.insert(static_cast<std::uint32_t>(tree_.directories.size()));
        const auto mode = type == EntryType::link ? tree_.directories.front().mode : permissions(facts);
        tree_.directories.push_back({path, mode, facts.st_mtim.tv_sec});
        return {};
    }

    const std::set<std::string>& only_;
    FileTree tree_;
    std::set<std::uint32_t> emptied_;
};

}  // namespace

std::string FileTree::path_of(const FileEntry& file) const {
    return below(directories[file.directory].path, file.name);
}

Result<FileTree> scan(const std::string& root, const std::set<std::string>& only) { return Scan(root, only).run(); }

}  // namespace pgbosun::backup
