#pragma once
// An object of the directory store that is written in parts: one temporary file beside its place, each part
// at its offset, renamed when it is complete. Killed before that, there is a temporary file that listings
// leave out and abort_uploads() removes; no listing removes it by its age, as a backup may take days.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "object_store/directory_files.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

inline constexpr std::string_view upload_prefix = ".pgbosun-tmp.parted.";

// What an upload and its store share; it lives as long as the store.
struct UploadContext {
    const std::string& root;
    const std::atomic<bool>& cancelled;
    std::function<void()> part_written, synced, named, directory_synced;  // for tests
};

class DirectoryUpload final : public PartedUpload {
public:
    // `file` is `temporary`, open for writing.
    DirectoryUpload(UploadContext context, OpenFile file, std::string temporary, std::string path,
                    std::uint64_t part_size)
        : context_(std::move(context)), file_(std::move(file)), temporary_(std::move(temporary)),
          path_(std::move(path)), part_size_(part_size) {}

    Result<> put_part(int number, std::span<const std::byte> body) override;
    Result<> complete(int parts) override;
    Result<> abort() override;

private:
    Result<std::uint64_t> size_of(int parts);

    const UploadContext context_;
    const OpenFile file_;
    const std::string temporary_;
    const std::string path_;
    const std::uint64_t part_size_;
    std::mutex mutex_;
    std::map<int, std::uint64_t> sizes_;  // of the parts that are written
};

// A name for the temporary file of an upload of `path`, beside it.
std::string upload_beside(const std::string& path, std::string_view unique);

// Removes the uploads' files of keys that begin with `prefix`, and answers how many.
Result<std::uint64_t> abort_uploads(const std::string& root, const std::string& prefix);

// Removes the directory and those above it, up to the root, that hold nothing any more.
void remove_empty_directories(const std::string& root, const std::string& directory);

}  // namespace pgbosun::object_store
