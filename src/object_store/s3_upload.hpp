#pragma once
// S3's multipart upload. The object carries a number of ours in its metadata ("pgbosun-upload"), so that when
// the answer to its completion was lost, and the store knows the upload no longer, the object itself tells
// that it worked.

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "object_store/s3_session.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class S3Upload final : public PartedUpload {
public:
    // `key` is full.
    static Result<std::unique_ptr<PartedUpload>> begin(S3Session& session, std::string key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata);

    Result<> put_part(int number, std::span<const std::byte> body) override;
    Result<> complete(int parts) override;
    Result<> abort() override;

private:
    S3Upload(S3Session& session, std::string key, std::string id, std::string mark, std::uint64_t part_size)
        : session_(session), key_(std::move(key)), id_(std::move(id)), mark_(std::move(mark)), part_size_(part_size) {}

    Result<std::string> completion(int parts);
    Result<> look_for_object();

    S3Session& session_;
    const std::string key_;
    const std::string id_;
    const std::string mark_;
    const std::uint64_t part_size_;
    std::mutex mutex_;
    std::map<int, std::uint64_t> sizes_;
    std::map<int, std::string> tags_;
};

// Success also when the store no longer knows the upload. refused: the store cannot do it.
Result<> abort_upload(S3Session& session, const std::string& key, const std::string& id);

// Aborts what ListMultipartUploads tells below `prefix` (full); answers how many. refused: the store cannot
// list them.
Result<std::uint64_t> abort_uploads_below(S3Session& session, const std::string& prefix);

}  // namespace pgbosun::object_store
