#pragma once
// Files of the directory store: durable writing, attributes, temporary names. Blocking; thread-safe.

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// A name that no key may have a part of; listings leave it out.
inline constexpr std::string_view temporary_prefix = ".pgbosun-tmp.";
bool is_temporary(std::string_view name);

// Owns a descriptor.
class OpenFile {
public:
    explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
    ~OpenFile();
    OpenFile(OpenFile&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    [[nodiscard]] int get() const { return descriptor_; }
    [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

private:
    int descriptor_;
};

// A fault that names the file and what the operating system said; a full disk gets a hint.
Fault file_fault(std::string_view doing, const std::string& path, int error);

// Of a file that is empty; a large body past the page cache, where nobody would read it.
Result<> write_all(int descriptor, std::span<const std::byte> body, const std::string& path);
Result<> sync_file(int descriptor, const std::string& path);
Result<> sync_directory(const std::string& path);

// Creates what is missing of `directory` below `root` (which must exist), mode 0700, each fsynced into its parent.
Result<> make_directories(const std::string& root, const std::string& directory);

// The same for an absolute path whose parents are not ours: only what was created here is fsynced into its parent.
Result<> make_root(const std::string& path);

// Extended attributes `user.pgbosun.<name>`. A file system that has none keeps no metadata, and that is success.
Result<> write_metadata(int descriptor, const ObjectMetadata& metadata, const std::string& path);
Result<ObjectMetadata> read_metadata(int descriptor, const std::string& path);

}  // namespace pgbosun::object_store
