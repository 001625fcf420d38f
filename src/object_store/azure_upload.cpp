#include "object_store/azure_upload.hpp"

#include <cstdio>
#include <random>

#include "object_store/azure_messages.hpp"
#include "object_store/digest.hpp"
#include "object_store/parts.hpp"

namespace pgbosun::object_store {
namespace {

std::string random_mark() {
    std::random_device random;
    char text[32];
    std::snprintf(text, sizeof text, "%08x%08x", random(), random());
    return text;
}

Result<> outcome(const Result<StoreAnswer>& answer) {
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    return std::unexpected(refusal(answer->http.status, answer->error));
}

}  // namespace

AzureUpload::AzureUpload(AzureSession& session, std::string blob, std::uint64_t part_size, ObjectMetadata metadata)
    : session_(session), blob_(std::move(blob)), part_size_(part_size), metadata_(std::move(metadata)),
      mark_(random_mark()) {}

// All of one length, as Azure wants it.
std::string AzureUpload::block_id(int number) const {
    char digits[16];
    std::snprintf(digits, sizeof digits, "-%06d", number);
    const std::string text = mark_ + digits;
    return base64(std::as_bytes(std::span(text.data(), text.size())));
}

Result<> AzureUpload::put_part(int number, std::span<const std::byte> body) {
    if (auto fits = check_part(number, body.size(), part_size_); !fits) return fits;
    AzureOperation operation{.method = "PUT", .blob = blob_, .query = {}, .headers = {}, .body = body};
    operation.query = {{"comp", "block"}, {"blockid", block_id(number)}};
    if (auto put = outcome(session_.ask(operation)); !put) return put;
    const std::lock_guard lock(mutex_);
    sizes_[number] = body.size();
    return {};
}

Result<> AzureUpload::complete(int parts) {
    {
        const std::lock_guard lock(mutex_);
        if (auto size = check_parts(sizes_, parts, part_size_); !size) return std::unexpected(std::move(size).error());
    }
    std::vector<std::string> ids;
    for (int number = 1; number <= parts; ++number) ids.push_back(block_id(number));
    const std::string body = block_list(ids);
    AzureOperation operation{.method = "PUT",
                             .blob = blob_,
                             .query = {{"comp", "blocklist"}},
                             .headers = {},
                             .body = std::as_bytes(std::span(body.data(), body.size()))};
    add_azure_metadata(operation, metadata_);
    return outcome(session_.ask(operation));
}

}  // namespace pgbosun::object_store
