#include "object_store/azure_store.hpp"

#include <algorithm>

#include "object_store/azure_messages.hpp"
#include "object_store/azure_upload.hpp"
#include "object_store/destination.hpp"
#include "object_store/parts.hpp"
#include "object_store/store_answers.hpp"

namespace pgbosun::object_store {
namespace {

constexpr int pages_limit = 10'000;  // to go through before `after`, 1,000 keys each
constexpr const char* metadata_prefix = "x-ms-meta-";

AzureOperation operation_of(std::string method, std::string blob) {
    return {.method = std::move(method), .blob = std::move(blob), .query = {}, .headers = {}, .body = {}};
}

Result<ObjectFacts> blob_facts(const std::string& key, const HttpAnswer& answer) {
    auto facts = facts_of(key, answer, metadata_prefix);
    if (!facts) return facts;
    ObjectMetadata renamed;
    for (const auto& [name, value] : facts->metadata) {
        std::string ours = name;
        std::replace(ours.begin(), ours.end(), '_', '-');
        renamed[ours] = value;
    }
    facts->metadata = std::move(renamed);
    return facts;
}

std::unexpected<Fault> refused(const StoreAnswer& answer) {
    return std::unexpected(refusal(answer.http.status, answer.error));
}

}  // namespace

Result<StoreAnswer> AzureStore::put_blob(const std::string& key, std::span<const std::byte> body,
                                         const ObjectMetadata& metadata, Replacing replacing) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    AzureOperation operation = operation_of("PUT", options_.prefix + key);
    operation.body = body;
    operation.headers.emplace_back("x-ms-blob-type", "BlockBlob");
    if (replacing == Replacing::refused) operation.headers.emplace_back("if-none-match", "*");
    add_azure_metadata(operation, metadata);
    return session_.ask(operation);
}

Result<> AzureStore::put_if_absent(const std::string& key, std::span<const std::byte> body,
                                   const ObjectMetadata& metadata) {
    const auto answer = put_blob(key, body, metadata, Replacing::refused);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    if (answer->verdict == Verdict::exists) return conflict(key);
    return refused(*answer);
}

Result<> AzureStore::put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) {
    const auto answer = put_blob(key, body, metadata, Replacing::allowed);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return {};
    return refused(*answer);
}

Result<std::unique_ptr<PartedUpload>> AzureStore::begin_parted(const std::string& key, std::uint64_t part_size,
                                                               const ObjectMetadata& metadata) {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    if (auto fits = check_part_size(part_size); !fits) return std::unexpected(std::move(fits).error());
    return std::make_unique<AzureUpload>(session_, options_.prefix + key, part_size, metadata);
}

Result<std::uint64_t> AzureStore::abort_unfinished(const std::string&) {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    return std::uint64_t{0};
}

Result<ObjectFacts> AzureStore::get(const std::string& key, const Sink& sink, const std::function<void()>& restart) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    const auto answer = session_.ask(operation_of("GET", options_.prefix + key), sink, restart);
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::absent) return absent(key);
    if (answer->http.status == 200) return blob_facts(key, answer->http);
    return refused(*answer);
}

Result<ObjectFacts> AzureStore::head(const std::string& key) {
    if (auto fits = check_key(key); !fits) return std::unexpected(std::move(fits).error());
    const auto answer = session_.ask(operation_of("HEAD", options_.prefix + key));
    if (!answer) return std::unexpected(answer.error());
    if (answer->verdict == Verdict::success) return blob_facts(key, answer->http);
    if (answer->verdict != Verdict::absent) return refused(*answer);
    if (answer->error.code.empty()) {
        return fail(FaultKind::unavailable,
                    "something between here and the store answers HTTP " + std::to_string(answer->http.status));
    }
    return absent(key);
}

Result<Listing> AzureStore::list(const std::string& prefix, const std::string& delimiter,
                                 const std::optional<std::string>& after) {
    const std::string from = after.value_or("");
    const bool continues = !from.empty() && from.front() == token_mark;
    std::string marker = continues ? from.substr(1) : "";
    for (int number = 0; number < pages_limit; ++number) {
        AzureOperation operation = operation_of("GET", "");
        operation.query = {{"restype", "container"}, {"comp", "list"}, {"maxresults", "1000"}};
        if (const std::string full = options_.prefix + prefix; !full.empty())
            operation.query.emplace_back("prefix", full);
        if (!delimiter.empty()) operation.query.emplace_back("delimiter", delimiter);
        if (!marker.empty()) operation.query.emplace_back("marker", marker);
        const auto answer = session_.ask(operation);
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict != Verdict::success) return refused(*answer);
        auto page = parse_blob_listing(answer->http.body);
        if (!page) return std::unexpected(std::move(page).error());
        if (page->more == S3Page::More::yes && page->token == marker) break;
        marker = page->token;
        const bool last = page->more == S3Page::More::no;
        Listing listing = relative(*std::move(page), options_.prefix, prefix, continues ? "" : from);
        if (last || continues || from.empty() || !listing.objects.empty() || !listing.prefixes.empty()) return listing;
    }
    return fail(FaultKind::corrupt, "the store's listing of " + prefix + " does not get on");
}

Result<> AzureStore::remove(const std::vector<std::string>& keys) {
    if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
    for (const auto& key : keys) {
        if (auto fits = check_key(key); !fits) return fits;
    }
    for (const auto& key : keys) {
        AzureOperation operation = operation_of("DELETE", options_.prefix + key);
        operation.headers.emplace_back("x-ms-delete-snapshots", "include");
        const auto answer = session_.ask(operation);
        if (!answer) return std::unexpected(answer.error());
        if (answer->verdict != Verdict::success && answer->verdict != Verdict::absent) return refused(*answer);
    }
    return {};
}

std::string AzureStore::describe() const {
    std::string text = "azure://" + options_.address.account + '/' + options_.address.container + '/' + options_.prefix;
    text.pop_back();
    return text;
}

}  // namespace pgbosun::object_store
