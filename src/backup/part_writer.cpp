#include "backup/part_writer.hpp"

#include <mutex>
#include <tuple>
#include <utility>

namespace pgbosun::backup {

struct PartWriter::Upload {
    std::unique_ptr<PartedUpload> parts;
    std::mutex mutex;  // guards what follows
    int sent = 0;
    int under_way = 0;
    enum class End { open, complete, abort } end = End::open;
    bool settled = false;
};

PartWriter::PartWriter(UploadPool& pool, ObjectStore& store, std::string key, std::size_t part_bytes)
    : pool_(pool), store_(store), key_(std::move(key)), part_bytes_(part_bytes), buffer_(pool.take()) {}

PartWriter::~PartWriter() {
    if (finished_ || !upload_) return;
    {
        const std::lock_guard lock(upload_->mutex);
        upload_->end = Upload::End::abort;
    }
    // What cannot be aborted now is found by ObjectStore::abort_unfinished.
    std::ignore = settle(*upload_);
}

Result<> PartWriter::flush() {
    while (buffer_->size() >= part_bytes_) {
        if (auto fault = pool_.fault()) return std::unexpected(*std::move(fault));
        const std::vector<std::byte> rest(buffer_->begin() + static_cast<std::ptrdiff_t>(part_bytes_), buffer_->end());
        buffer_->resize(part_bytes_);
        if (auto sent = send_part(std::move(buffer_)); !sent) return sent;
        buffer_ = pool_.take();
        buffer_->assign(rest.begin(), rest.end());
    }
    return {};
}

Result<> PartWriter::finish() {
    if (auto fault = pool_.fault()) return std::unexpected(*std::move(fault));
    finished_ = true;
    if (!upload_) {
        pool_.submit([&store = store_, key = key_,
                      body = std::move(buffer_)](UploadPool::Doing doing) mutable -> Result<std::uint64_t> {
            if (doing == UploadPool::Doing::give_up) return 0;
            auto put = store.put(key, *body, {});
            if (!put) return std::unexpected(std::move(put.error()).in("uploading " + key));
            return body->size();
        });
        return {};
    }
    {
        const std::lock_guard lock(upload_->mutex);
        upload_->end = Upload::End::complete;
    }
    if (!buffer_->empty()) return send_part(std::move(buffer_));
    return settle(*upload_);
}

Result<> PartWriter::send_part(UploadPool::Buffer part) {
    if (!upload_) {
        auto begun = store_.begin_parted(key_, part_bytes_, {});
        if (!begun) return std::unexpected(std::move(begun.error()).in("uploading " + key_));
        upload_ = std::make_shared<Upload>();
        upload_->parts = std::move(*begun);
    }
    int number = 0;
    {
        const std::lock_guard lock(upload_->mutex);
        ++upload_->under_way;
        number = ++upload_->sent;
    }
    pool_.submit([upload = upload_, key = key_, number,
                  body = std::move(part)](UploadPool::Doing doing) mutable -> Result<std::uint64_t> {
        auto put = put_part(*upload, number, *body, doing);
        if (!put) return std::unexpected(std::move(put.error()).in("uploading " + key));
        return put;
    });
    return {};
}

Result<std::uint64_t> PartWriter::put_part(Upload& upload, int number, const std::vector<std::byte>& body,
                                           UploadPool::Doing doing) {
    bool given_up = false;
    {
        const std::lock_guard lock(upload.mutex);
        if (doing == UploadPool::Doing::give_up) upload.end = Upload::End::abort;
        given_up = upload.end == Upload::End::abort;
    }
    auto put = given_up ? Result<>() : upload.parts->put_part(number, body);
    {
        const std::lock_guard lock(upload.mutex);
        --upload.under_way;
        if (!put) upload.end = Upload::End::abort;
    }
    auto settled = settle(upload);
    if (!put) return std::unexpected(std::move(put.error()));
    if (!settled) return std::unexpected(std::move(settled.error()));
    return body.size();
}

// Ends the upload when nothing of it is under way any more.
Result<> PartWriter::settle(Upload& upload) {
    const std::lock_guard lock(upload.mutex);
    if (upload.end == Upload::End::open || upload.under_way > 0 || upload.settled) return {};
    upload.settled = true;
    return upload.end == Upload::End::complete ? upload.parts->complete(upload.sent) : upload.parts->abort();
}

}  // namespace pgbosun::backup
