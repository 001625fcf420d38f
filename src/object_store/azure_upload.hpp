#pragma once
// Azure's blocks: parts are blocks that nobody sees until they are committed as a list. Azure knows no
// command that drops blocks, and drops those that were not committed by itself after a week: abort() has
// nothing to do.

#include <map>
#include <mutex>
#include <string>

#include "object_store/azure_session.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class AzureUpload final : public PartedUpload {
public:
    // `blob` is full. Blocks of two uploads to one blob do not mix: their identifiers are random.
    AzureUpload(AzureSession& session, std::string blob, std::uint64_t part_size, ObjectMetadata metadata);

    Result<> put_part(int number, std::span<const std::byte> body) override;
    Result<> complete(int parts) override;
    Result<> abort() override { return {}; }

private:
    [[nodiscard]] std::string block_id(int number) const;

    AzureSession& session_;
    const std::string blob_;
    const std::uint64_t part_size_;
    const ObjectMetadata metadata_;
    const std::string mark_;
    std::mutex mutex_;
    std::map<int, std::uint64_t> sizes_;
};

}  // namespace pgbosun::object_store
