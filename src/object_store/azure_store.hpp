#pragma once
// The port over Azure Blob Storage, whose `If-None-Match: *` always holds. Its listings cannot begin after a
// key: one that is asked to goes through those before it, page by page.

#include <atomic>
#include <string>

#include "object_store/azure_session.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class AzureStore final : public ObjectStore {
public:
    explicit AzureStore(AzureOptions options) : session_(std::move(options)), options_(session_.options()) {}

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override;
    // Always none: see azure_upload.hpp.
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override;
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override;
    Result<> remove(const std::vector<std::string>& keys) override;
    [[nodiscard]] std::string describe() const override;
    void cancel() override {
        cancelled_ = true;
        session_.cancel();
    }

private:
    enum class Replacing { allowed, refused };

    Result<StoreAnswer> put_blob(const std::string& key, std::span<const std::byte> body,
                                 const ObjectMetadata& metadata, Replacing replacing);

    AzureSession session_;
    const AzureOptions& options_;  // the session's
    std::atomic<bool> cancelled_ = false;
};

}  // namespace pgbosun::object_store
