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
using OpenDirectory = std::unique_ptr<DIR, CloseDirectory>;

bool is_absent(int error) { return error == ENOENT || error == ENOTDIR; }

// What a killed writer left. One that is still being written is younger, but for parted uploads.
void remove_if_old(int directory, const char* name) {
    if (std::string_view(name).starts_with(upload_prefix)) return;
    struct stat facts{};
    if (fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISREG(facts.st_mode) && time(nullptr) - facts.st_mtime > temporary_lifetime_s) unlinkat(directory, name, 0);
}

bool is_object_or_directory(unsigned char type) { return type == DT_REG || type == DT_DIR; }

// What readdir tells; some file systems leave it out.
unsigned char type_of(int directory, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type;
    struct stat facts{};
    if (fstatat(directory, entry.d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return DT_UNKNOWN;
    return S_ISREG(facts.st_mode) ? DT_REG : S_ISDIR(facts.st_mode) ? DT_DIR : DT_UNKNOWN;
}

// Names of objects, and of directories with '/' after them: so sorted they are in key order. Only those for which
// `wanted(name)`: what lies before a page need not be sorted for it.
template <class Wanted>
Result<std::vector<std::string>> sorted_names(DIR* directory, const std::string& path, const Wanted& wanted) {
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = readdir(directory);
        if (entry == nullptr && errno != 0) return std::unexpected(file_fault("listing", path, errno));
        if (entry == nullptr) break;
        std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (is_temporary(name)) {
            remove_if_old(dirfd(directory), entry->d_name);
            continue;
        }
        const auto type = type_of(dirfd(directory), *entry);
        if (!is_object_or_directory(type)) continue;
        if (type == DT_DIR) name += '/';
        if (wanted(name)) names.push_back(std::move(name));
        if (names.size() > entries_limit) return fail(FaultKind::refused, path + " holds too many files");
    }
    std::sort(names.begin(), names.end());
    return names;
}

class Walk {
public:
    Walk(const std::string& root, const std::string& prefix, const std::string& delimiter, const std::string& after)
        : root_(root), prefix_(prefix), delimiter_(delimiter), after_(after), last_(after) {}

    // `directory` is "" or ends in '/'. One that went away meanwhile is empty.
    Result<> visit(const std::string& directory, std::size_t depth) {
        if (depth > depth_limit) return fail(FaultKind::refused, root_ + '/' + directory + " is too deep");
        const std::string path = root_ + '/' + directory;
        const OpenDirectory opened(opendir(path.c_str()));
        if (!opened) return is_absent(errno) ? Result<>{} : std::unexpected(file_fault("listing", path, errno));
        const auto names =
            sorted_names(opened.get(), path, [&](const std::string& name) { return is_on_page(directory + name); });
        if (!names) return std::unexpected(names.error());
        for (const auto& name : *names) {
            if (listing_.next) return {};
            auto taken = name.ends_with('/') ? take_directory(directory + name, depth)
                                             : take_file(dirfd(opened.get()), directory, name);
            if (!taken) return taken;
        }
        return {};
    }

    Listing result() && { return std::move(listing_); }

private:
    // All below a directory is before `after` unless `after` is within.
    [[nodiscard]] bool is_on_page(const std::string& key) const {
        if (!key.ends_with('/')) return key > after_ && key.starts_with(prefix_);
        if (!key.starts_with(prefix_) && !prefix_.starts_with(key)) return false;
        return key > after_ || after_.starts_with(key);
    }

    Result<> take_directory(const std::string& key, std::size_t depth) {
        const bool wanted_as_prefix = !delimiter_.empty() && key.starts_with(prefix_) && key.size() > prefix_.size();
        if (!wanted_as_prefix) return visit(key, depth + 1);
        if (key <= after_) return {};
        const auto holds = holds_object(key, depth + 1);
        if (!holds) return std::unexpected(holds.error());
        if (*holds && has_room(key)) listing_.prefixes.push_back(key);
        return {};
    }

    Result<> take_file(int directory, const std::string& below, const std::string& name) {
        std::string key = below + name;
        struct stat facts{};
        if (fstatat(directory, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
            return errno == ENOENT ? Result<>{} : std::unexpected(file_fault("inspecting", root_ + '/' + key, errno));
        }
        if (!has_room(key)) return {};
        listing_.objects.push_back({.key = std::move(key),
                                    .size = static_cast<std::uint64_t>(facts.st_size),
                                    .metadata = {},
                                    .modified = WallTime(std::chrono::seconds(facts.st_mtim.tv_sec) +
                                                         std::chrono::floor<std::chrono::microseconds>(
                                                             std::chrono::nanoseconds(facts.st_mtim.tv_nsec)))});
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
        const std::string path = root_ + '/' + directory;
        const OpenDirectory opened(opendir(path.c_str()));
        if (!opened)
            return is_absent(errno) ? Result<bool>(false) : std::unexpected(file_fault("listing", path, errno));
        const auto names = sorted_names(opened.get(), path, [](const std::string&) { return true; });
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
