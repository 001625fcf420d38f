#pragma once
// Encrypts what goes into another store and decrypts what comes out of it; keys and metadata stay as they
// are, and `pgbosun-encryption` is added to the metadata: "aes-256-gcm:<key's identifier>". What was written
// without encryption is read as it is. A put holds the ciphertext in memory beside the plaintext.
//
// Sizes: of the plaintext, but in listings, which tell what an object takes in the store.

#include <memory>
#include <string>

#include "object_store/encryption_keys.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class EncryptedStore final : public ObjectStore {
public:
    EncryptedStore(std::unique_ptr<ObjectStore> inner, EncryptionKeys keys)
        : inner_(std::move(inner)), keys_(std::move(keys)) {}

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override;
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override {
        return inner_->abort_unfinished(prefix);
    }
    // corrupt: it was changed since it was written. refused: its key is not known.
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override {
        return inner_->list(prefix, delimiter, after);
    }
    Result<> remove(const std::vector<std::string>& keys) override { return inner_->remove(keys); }
    [[nodiscard]] std::uint64_t place() const override { return inner_->place(); }
    [[nodiscard]] std::string describe() const override { return inner_->describe(); }
    void cancel() override { inner_->cancel(); }

private:
    Result<std::optional<PartHeader>> first_header(const std::string& key);

    const std::unique_ptr<ObjectStore> inner_;
    const EncryptionKeys keys_;
};

}  // namespace pgbosun::object_store
