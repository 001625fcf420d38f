#include "object_store/directory_listing.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <vector>

#include "object_store/directory_files.hpp"
#include "object_store/directory_upload.hpp"

namespace pgbosun::object_store {
namespace {

constexpr time_t temporary_lifetime_s = 3600;  // no upload takes this long
constexpr std::size_t depth_limit = 32;
constexpr std::size_t entries_limit = 2'000'000;  // of one directory: about 200 MB

struct CloseDirectory {
    void operator()(DIR* directory) const { closedir(directory); }
};

// What a killed writer left. One that is still being written is younger, but for parted uploads.
void remove_if_old(int directory, const char* name) {
    if (std::string_view(name).starts_with(upload_prefix)) return;
    struct stat facts{};
    if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISREG(facts.st_mode) && time(nullptr) - facts.st_mtime > temporary_lifetime_s) unlinkat(directory, name, 0);
}

// Names of objects, and of directories with '/' after them: so sorted they are in key order. A directory that went
// away meanwhile is empty.
Result<std::vector<std::string>> sorted_names(const std::string& path) {
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path.c_str()));
    std::vector<std::string> names;
    if (!directory && (errno == ENOENT || errno == ENOTDIR)) return names;
    if (!directory) return std::unexpected(file_fault("listing", path, errno));
    for (;;) {
        errno = 0;
        const dirent* entry = readdir(directory.get());
        if (entry == nullptr && errno != 0) return std::unexpected(file_fault("listing", path, errno));
        if (entry == nullptr) break;
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (is_temporary(name)) {
            remove_if_old(dirfd(directory.get()), entry->d_name);
            continue;
        }
        struct stat facts{};
        if (fstatat(dirfd(directory.get()), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (S_ISREG(facts.st_mode)) names.push_back(name);
        if (S_ISDIR(facts.st_mode)) names.push_back(name + '/');
        if (names.size() > entries_limit) return fail(FaultKind::refused, path + " holds too many files");
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Walk {
public:
    Walk(const std::string& root, const std::string& prefix, const std::string& delimiter, const std::string& after)
        : root_(root), prefix_(prefix), delimiter_(delimiter), after_(after), last_(after) {}

    // `directory` is "" or ends in '/'.
    Result<> visit(const std::string& directory, std::size_t depth) {
        if (depth > depth_limit) return fail(FaultKind::refused, root_ + '/' + directory + " is too deep");
        const auto names = sorted_names(root_ + '/' + directory);
        if (!names) return std::unexpected(names.error());
        for (const auto& name : *names) {
            if (listing_.next) return {};
            const std::string key = directory + name;
            if (auto taken = key.ends_with('/') ? take_directory(key, depth) : take_file(key); !taken) return taken;
        }
        return {};
    }

    Listing result() && { return std::move(listing_); }

private:
    Result<> take_directory(const std::string& key, std::size_t depth) {
        if (!key.starts_with(prefix_) && !prefix_.starts_with(key)) return {};
        const bool wanted_as_prefix = !delimiter_.empty() && key.starts_with(prefix_) && key.size() > prefix_.size();
        if (!wanted_as_prefix) {
            // All below it is before `after` unless `after` is within.
            return key < after_ && !after_.starts_with(key) ? Result<>{} : visit(key, depth + 1);
        }
        if (key <= after_) return {};
        const auto holds = holds_object(key, depth + 1);
        if (!holds) return std::unexpected(holds.error());
        if (*holds && has_room(key)) listing_.prefixes.push_back(key);
        return {};
    }

    Result<> take_file(const std::string& key) {
        if (!key.starts_with(prefix_) || key <= after_) return {};
        struct stat facts{};
        const std::string path = root_ + '/' + key;
        if (lstat(path.c_str(), &facts) != 0) {
            return errno == ENOENT ? Result<>{} : std::unexpected(file_fault("inspecting", path, errno));
        }
        if (!has_room(key)) return {};
        listing_.objects.push_back({.key = key, .size = static_cast<std::uint64_t>(facts.st_size), .metadata = {}});
        return {};
    }

    bool has_room(const std::string& key) {
        if (listing_.objects.size() + listing_.prefixes.size() == listing_limit) {
            listing_.next = last_;
            return false;
        }
        last_ = key;
        return true;
    }

    // A store of objects knows no empty directories.
    Result<bool> holds_object(const std::string& directory, std::size_t depth) {
        if (depth > depth_limit) return false;
        const auto names = sorted_names(root_ + '/' + directory);
        if (!names) return std::unexpected(names.error());
        for (const auto& name : *names) {
            if (!name.ends_with('/')) return true;
            auto holds = holds_object(directory + name, depth + 1);
            if (!holds || *holds) return holds;
        }
        return false;
    }

    const std::string& root_;
    const std::string& prefix_;
    const std::string& delimiter_;
    const std::string& after_;
    std::string last_;
    Listing listing_;
};

}  // namespace

Result<Listing> list_directory(const std::string& root, const std::string& prefix, const std::string& delimiter,
                               const std::optional<std::string>& after) {
    const std::string from = after.value_or("");
    Walk walk(root, prefix, delimiter, from);
    if (auto walked = walk.visit("", 0); !walked) return std::unexpected(std::move(walked).error());
    return std::move(walk).result();
}

}  // namespace pgbosun::object_store
