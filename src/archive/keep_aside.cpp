#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

#include "archive/left_behind.hpp"
#include "pgbosun/descriptor.hpp"

namespace pgbosun::archive {
namespace {

namespace fs = std::filesystem;

constexpr int most_of_one_name = 100;

bool is_equal(const std::string& left, const std::string& right) {
    std::ifstream one(left, std::ios::binary);
    std::ifstream two(right, std::ios::binary);
    using Bytes = std::istreambuf_iterator<char>;
    return one && two && std::equal(Bytes(one), Bytes(), Bytes(two), Bytes());
}

std::unexpected<Fault> cannot(const std::string& doing, int error) {
    return fail(error == ENOENT ? FaultKind::not_found : FaultKind::unavailable, doing + ": " + std::strerror(error));
}

Result<> sync(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file || ::fsync(file.get()) != 0) return cannot("synchronising " + path, errno);
    return {};
}

// Each name is durable when its directory has been synchronised: that of one which is there too, for who made it may have
// been killed before that.
Result<> make_durably(const fs::path& directory) {
    std::error_code error;
    if (!fs::exists(directory.parent_path(), error)) {
        if (auto made = make_durably(directory.parent_path()); !made) return made;
    }
    fs::create_directory(directory, error);
    if (error) return cannot("making " + directory.string(), error.value());
    return sync(directory.parent_path().string());
}

// What a crash leaves under the name beside is replaced by the next try.
Result<> copy(const std::string& from, const std::string& to, const std::string& directory) {
    const std::string beside = to + ".pgbosun-new";
    std::error_code error;
    fs::copy_file(from, beside, fs::copy_options::overwrite_existing, error);
    if (error) return cannot("copying " + from, error.value());
    if (auto synced = sync(beside); !synced) return synced;
    fs::rename(beside, to, error);
    if (error) return cannot("renaming " + beside, error.value());
    return sync(directory);
}

}  // namespace

Result<> keep_aside(const std::string& data_directory, const std::string& name, const std::string& directory) {
    const std::string from = data_directory + "/pg_wal/" + name;
    std::error_code error;
    const auto size = fs::file_size(from, error);
    if (error) return cannot("looking at " + from, error.value());
    if (auto made = make_durably(directory); !made) return made;
    for (int i = 0; i < most_of_one_name; ++i) {
        const std::string to = directory + "/" + name + (i == 0 ? "" : "." + std::to_string(i));
        if (fs::exists(to, error)) {
            if (!is_equal(from, to)) continue;
            const auto synced = sync(to);
            return synced ? sync(directory) : synced;
        }
        const auto room = fs::space(directory, error);
        if (error) return cannot("asking for the room at " + directory, error.value());
        if (room.available < 2 * size) {
            return fail(FaultKind::refused, "there is no room for it in " + directory,
                        "make room or enlarge the volume");
        }
        return copy(from, to, directory);
    }
    return fail(FaultKind::refused, "too many files of this name in " + directory,
                "look at them, and remove what is not needed");
}

}  // namespace pgbosun::archive
