#pragma once
// A store for whoever has no key: what is not encrypted is read and written as it is, and what is says so, instead of looking
// damaged.

#include <memory>
#include <string>

#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class KeylessStore final : public ObjectStore {
public:
    explicit KeylessStore(std::unique_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override {
        return inner_->put_if_absent(key, body, metadata);
    }
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override {
        return inner_->put(key, body, metadata);
    }
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override {
        return inner_->begin_parted(key, part_size, metadata);
    }
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override {
        return inner_->abort_unfinished(prefix);
    }
    // refused: it is encrypted.
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override { return inner_->head(key); }
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override {
        return inner_->list(prefix, delimiter, after);
    }
    Result<> remove(const std::vector<std::string>& keys) override { return inner_->remove(keys); }
    [[nodiscard]] std::uint64_t place() const override { return inner_->place(); }
    [[nodiscard]] std::string describe() const override { return inner_->describe(); }
    void cancel() override { inner_->cancel(); }

private:
    const std::unique_ptr<ObjectStore> inner_;
};

}  // namespace pgbosun::object_store
