#pragma once
// The port over a directory of the machine, a mounted volume for instance.
//
// An object is written to a temporary file beside its place and fsynced, linked to its name (link(2) never replaces
// what is there), and the directory fsynced. Killed at any step, there is the whole object or none, and perhaps a
// temporary file, which listings leave out and remove an hour later. Metadata is in extended attributes; where the
// file system has none it reads as empty, and the caller compares contents instead.
//
// Not bounded in time: a hung network file system hangs the thread that asks.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

// Whether a root that was never seen is made. A recovery waits instead: in a new, empty directory every file would be
// "definitely missing", which ends it too early, while the volume has only not been mounted yet.
enum class MissingRoot { make, wait };

// The steps of a put, in order. A parted upload has `written` for each part, and no `temporary_removed`.
enum class WriteStep { directories_made, created, written, synced, named, temporary_removed, directory_synced };

class DirectoryStore final : public ObjectStore {
public:
    // `root` is absolute and is made (0700) with what is missing above it, now or, when that is not possible, by a
    // later call; until then every call answers unavailable. When it is gone after it was seen, the volume is gone:
    // every call then answers unavailable too, and nothing is made in its place.
    // `after_step` is for tests, which end the process there.
    static std::unique_ptr<DirectoryStore> open(std::string root, MissingRoot missing = MissingRoot::make,
                                                std::function<void(WriteStep)> after_step = {});

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override;
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override;
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override;
    Result<> remove(const std::vector<std::string>& keys) override;
    [[nodiscard]] std::uint64_t place() const override;
    [[nodiscard]] std::string describe() const override { return "file://" + root_; }
    void cancel() override { cancelled_ = true; }

private:
    enum class Naming { new_only, replacing };

    DirectoryStore(std::string root, MissingRoot missing, std::function<void(WriteStep)> after_step)
        : root_(std::move(root)), missing_(missing), after_step_(std::move(after_step)) {}

    [[nodiscard]] std::string path_of(const std::string& key) const { return root_ + '/' + key; }
    [[nodiscard]] Result<> check(const std::string& key) const;
    [[nodiscard]] Result<> check_root() const;
    Result<> store(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata,
                   Naming naming);
    Result<> fill(int descriptor, const std::string& path, std::span<const std::byte> body,
                  const ObjectMetadata& metadata);
    Result<> name(const std::string& temporary, const std::string& path, Naming naming);
    Result<> ensure_directory(const std::string& directory);
    Result<int> create_temporary(const std::string& path);
    Result<int> open_object(const std::string& key, ObjectFacts& facts) const;
    void passed(WriteStep step) const {
        if (after_step_) after_step_(step);
    }

    const std::string root_;
    const MissingRoot missing_;
    const std::function<void(WriteStep)> after_step_;
    std::atomic<bool> cancelled_ = false;
    mutable std::atomic<bool> root_seen_ = false;
    std::mutex mutex_;
    std::set<std::string> durable_directories_;  // known to be fsynced up to the root
};

}  // namespace pgbosun::object_store
