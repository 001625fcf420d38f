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

// The steps of a put, in order.
enum class WriteStep { directories_made, created, written, synced, named, temporary_removed, directory_synced };

class DirectoryStore final : public ObjectStore {
public:
    // `root` is absolute and is created (0700) with what is missing above it. When it is gone later, the volume is
    // gone: every call then answers unavailable, and nothing is created in its place.
    // `after_step` is for tests, which end the process there.
    static Result<std::unique_ptr<DirectoryStore>> open(std::string root,
                                                        std::function<void(WriteStep)> after_step = {});

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<ObjectFacts> get(const std::string& key, const Sink& sink,
                            const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override;
    Result<> remove(const std::vector<std::string>& keys) override;
    [[nodiscard]] std::string describe() const override { return "file://" + root_; }
    void cancel() override { cancelled_ = true; }

private:
    enum class Naming { new_only, replacing };

    DirectoryStore(std::string root, std::function<void(WriteStep)> after_step)
        : root_(std::move(root)), after_step_(std::move(after_step)) {}

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
    const std::function<void(WriteStep)> after_step_;
    std::atomic<bool> cancelled_ = false;
    std::mutex mutex_;
    std::set<std::string> durable_directories_;  // known to be fsynced up to the root
};

}  // namespace pgbosun::object_store
