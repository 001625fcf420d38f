#pragma once
// One object on its way into the store: what is appended leaves in equal parts, put in parallel by an
// UploadPool; an object that is smaller than a part is one put.

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "backup/upload_pool.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

// For one thread; the pool and the store outlive it.
class PartWriter {
public:
    PartWriter(UploadPool& pool, ObjectStore& store, std::string key, std::size_t part_bytes);
    // An upload that was not finished is aborted, when the parts under way have ended.
    ~PartWriter();
    PartWriter(const PartWriter&) = delete;
    PartWriter& operator=(const PartWriter&) = delete;

    // To append to. After each append flush().
    std::vector<std::byte>& buffer() { return *buffer_; }
    // Sends each part that is whole. A Fault of a part sent before, of this object or another one of the
    // pool.
    Result<> flush();
    // Sends the rest. Success says only that it is on its way: UploadPool::wait() tells that the object is
    // there.
    Result<> finish();

private:
    struct Upload;
    Result<> send_part(UploadPool::Buffer part);
    static Result<std::uint64_t> put_part(Upload& upload, int number, const std::vector<std::byte>& body,
                                          UploadPool::Doing doing);
    static Result<> settle(Upload& upload);

    UploadPool& pool_;
    ObjectStore& store_;
    const std::string key_;
    const std::size_t part_bytes_;
    UploadPool::Buffer buffer_;
    std::shared_ptr<Upload> upload_;  // owners: this and the parts under way; none: no part was sent yet
    bool finished_ = false;
};

}  // namespace pgbosun::backup
