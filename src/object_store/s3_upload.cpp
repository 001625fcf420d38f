#include "object_store/s3_upload.hpp"

#include <random>

#include "object_store/parts.hpp"

namespace pgbosun::object_store {
namespace {

constexpr int pages_limit = 1000;  // of a listing of uploads, 1,000 each
constexpr const char* mark_name = "pgbosun-upload";
constexpr const char* lifecycle_hint =
    "let the store itself abort incomplete multipart uploads, by a lifecycle rule for the bucket";

std::string random_mark() {
    std::random_device random;
    std::string mark;
    for (int n = 0; n < 4; ++n) mark += std::to_string(random()) + (n < 3 ? "-" : "");
    return mark;
}

std::unexpected<Fault> refused(const StoreAnswer& answer) {
    return std::unexpected(refusal(answer.http.status, answer.error));
}

}  // namespace

Result<std::unique_ptr<PartedUpload>> S3Upload::begin(S3Session& session, std::string key, std::uint64_t part_size,
                                                      const ObjectMetadata& metadata) {
    if (auto fits = check_part_size(part_size); !fits) return std::unexpected(std::move(fits).error());
    std::string mark = random_mark();
    S3Operation operation = s3_operation("POST", key);
    operation.query = {{"uploads", ""}};
    ObjectMetadata marked = metadata;
    marked.emplace(mark_name, mark);
    session.describe_new(operation, marked);
    const auto answer = session.ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict != Verdict::success) return refused(*answer);
    auto id = parse_upload_id(answer->http.body);
    if (!id) return std::unexpected(std::move(id).error());
    return std::unique_ptr<PartedUpload>(
        new S3Upload(session, std::move(key), *std::move(id), std::move(mark), part_size));
}

Result<> S3Upload::put_part(int number, std::span<const std::byte> body) {
    if (auto fits = check_part(number, body.size(), part_size_); !fits) return fits;
    S3Operation operation = s3_operation("PUT", key_, body);
    operation.query = {{"partNumber", std::to_string(number)}, {"uploadId", id_}};
    const auto answer = session_.ask(operation);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict != Verdict::success) return refused(*answer);
    const auto tag = answer->http.headers.find("etag");
    if (tag == answer->http.headers.end() || tag->second.empty()) {
        return fail(FaultKind::unavailable, "the store gave no ETag for part " + std::to_string(number));
    }
    const std::lock_guard lock(mutex_);
    sizes_[number] = body.size();
    tags_[number] = tag->second;
    return {};
}

Result<std::string> S3Upload::completion(int parts) {
    const std::lock_guard lock(mutex_);
    if (auto size = check_parts(sizes_, parts, part_size_); !size) return std::unexpected(std::move(size).error());
    std::vector<std::string> tags;
    for (int number = 1; number <= parts; ++number) tags.push_back(tags_[number]);
    return completion_request(tags);
}

Result<> S3Upload::complete(int parts) {
    const auto body = completion(parts);
    if (!body) return std::unexpected(body.error());
    S3Operation operation = s3_operation("POST", key_, std::as_bytes(std::span(body->data(), body->size())));
    operation.query = {{"uploadId", id_}};
    const auto answer = session_.ask(operation, {}, {}, LateErrors::possible);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::absent) return look_for_object();
    if (answer->verdict != Verdict::success) return refused(*answer);
    if (!is_completion_result(answer->http.body)) {
        return fail(FaultKind::unavailable, "the store's answer to completing " + key_ + " says nothing");
    }
    return {};
}

Result<> S3Upload::look_for_object() {
    const auto answer = session_.ask(s3_operation("HEAD", key_));
    if (!answer) return std::unexpected(answer.error());
    const auto mark = answer->http.headers.find(session_.names().metadata_prefix + mark_name);
    const bool ours =
        answer->verdict == Verdict::success && mark != answer->http.headers.end() && mark->second == mark_;
    if (ours) return {};
    return fail(FaultKind::refused, "the store no longer knows the upload of " + key_,
                "something aborted it: look for another pgbosun that writes to this archive, and at the bucket's "
                "lifecycle rules");
}

Result<> S3Upload::abort() { return abort_upload(session_, key_, id_); }

Result<> abort_upload(S3Session& session, const std::string& key, const std::string& id) {
    S3Operation operation = s3_operation("DELETE", key);
    operation.query = {{"uploadId", id}};
    const auto answer = session.ask(operation);
    if (!answer) {
        Fault fault = answer.error();
        if (fault.kind == FaultKind::refused && fault.hint.empty()) fault.hint = lifecycle_hint;
        return std::unexpected(std::move(fault).in("aborting the upload of " + key));
    }
    if (answer->verdict == Verdict::success || answer->verdict == Verdict::absent) return {};
    return fail(FaultKind::refused, "the store cannot abort the upload of " + key, lifecycle_hint);
}

Result<std::uint64_t> abort_uploads_below(S3Session& session, const std::string& prefix) {
    std::uint64_t aborted = 0;
    UploadsPage page;
    for (int number = 0; number < pages_limit; ++number) {
        S3Operation operation = s3_operation("GET", "");
        operation.query = {{"uploads", ""}, {"encoding-type", "url"}, {"max-uploads", "1000"}, {"prefix", prefix}};
        if (!page.next_key.empty()) operation.query.emplace_back("key-marker", page.next_key);
        if (!page.next_id.empty()) operation.query.emplace_back("upload-id-marker", page.next_id);
        const auto answer = session.ask(operation);
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict == Verdict::unsupported) {
            return fail(FaultKind::refused, "the store cannot list unfinished uploads", lifecycle_hint);
        }
        if (answer->verdict != Verdict::success) return refused(*answer);
        auto next = parse_uploads(answer->http.body);
        if (!next) return std::unexpected(std::move(next).error());
        page = *std::move(next);
        for (const auto& upload : page.uploads) {
            if (!upload.key.starts_with(prefix)) continue;
            if (auto done = abort_upload(session, upload.key, upload.id); !done)
                return std::unexpected(std::move(done).error());
            ++aborted;
        }
        if (page.more == UploadsPage::More::no) return aborted;
        if (page.next_key.empty()) break;
    }
    return fail(FaultKind::corrupt, "the store's listing of unfinished uploads does not get on");
}

}  // namespace pgbosun::object_store
