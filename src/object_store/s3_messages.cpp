#include "object_store/s3_messages.hpp"

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>

#include "object_store/aws_messages.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t message_limit = 300;
constexpr std::size_t code_limit = 64;
constexpr std::size_t token_limit = 4096;
constexpr std::size_t page_limit = 1000;

// Without DTD, processing instructions or comments; pugixml knows no entities but XML's five and numbers.
bool load(pugi::xml_document& document, std::string_view body) {
    return bool(
        document.load_buffer(body.data(), body.size(), pugi::parse_minimal | pugi::parse_escapes, pugi::encoding_utf8));
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string line(text.substr(0, limit));
    std::replace_if(line.begin(), line.end(), [](char c) { return c < ' ' || c == 0x7f; }, ' ');
    return line;
}

S3Error error_in(const pugi::xml_node& node) {
    const std::string_view code = node.child_value("Code");
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    if (code.empty() || code.size() > code_limit || !std::all_of(code.begin(), code.end(), is_letter)) return {};
    return {std::string(code), printable(node.child_value("Message"), message_limit)};
}

std::unexpected<Fault> damaged(std::string_view why) {
    return fail(FaultKind::corrupt, "the store's listing: " + std::string(why));
}

std::optional<std::uint64_t> size_of(std::string_view digits) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return size;
}

std::optional<std::string> decoded(std::string_view text, bool url_encoded) {
    return url_encoded ? decode_uri(text) : std::string(text);
}

std::string escaped(std::string_view text) {
    std::string xml;
    for (const char c : text) {
        switch (c) {
            case '&': xml += "&amp;"; break;
            case '<': xml += "&lt;"; break;
            case '>': xml += "&gt;"; break;
            default: xml += c;
        }
    }
    return xml;
}

}  // namespace

S3Error parse_error(std::string_view body) {
    pugi::xml_document document;
    if (!load(document, body)) return {};
    return error_in(document.child("Error"));
}

Result<S3Page> parse_listing(std::string_view body) {
    pugi::xml_document document;
    if (!load(document, body)) return damaged("not XML");
    const auto result = document.child("ListBucketResult");
    if (!result) return damaged("not a ListBucketResult");
    const bool url_encoded = std::string_view(result.child_value("EncodingType")) == "url";
    S3Page page;
    for (const auto& node : result.children("Contents")) {
        auto key = decoded(node.child_value("Key"), url_encoded);
        const auto size = size_of(node.child_value("Size"));
        if (!key || key->empty() || !size) return damaged("an entry without key or size");
        page.objects.push_back({.key = *std::move(key),
                                .size = *size,
                                .metadata = {},
                                .modified = parse_utc(node.child_value("LastModified"))});
    }
    for (const auto& node : result.children("CommonPrefixes")) {
        auto prefix = decoded(node.child_value("Prefix"), url_encoded);
        if (!prefix || prefix->empty()) return damaged("a prefix that cannot be read");
        page.prefixes.push_back(*std::move(prefix));
    }
    if (page.objects.size() + page.prefixes.size() > page_limit) return damaged("more entries than were asked for");
    const std::string_view truncated = result.child_value("IsTruncated");
    if (truncated != "true" && truncated != "false") return damaged("no IsTruncated");
    page.more = truncated == "true" ? S3Page::More::yes : S3Page::More::no;
    page.token = printable(result.child_value("NextContinuationToken"), token_limit);
    return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
    pugi::xml_document document;
    const bool loaded = load(document, body);
    std::string id = printable(document.child("InitiateMultipartUploadResult").child_value("UploadId"), token_limit);
    if (!loaded || id.empty()) return fail(FaultKind::corrupt, "the store's answer names no upload");
    return id;
}

std::string completion_request(const std::vector<std::string>& tags) {
    std::string xml = R"(<?xml version="1.0" encoding="UTF-8"?>)"
                      R"(<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)";
    for (std::size_t part = 0; part < tags.size(); ++part) {
        xml += "<Part><PartNumber>" + std::to_string(part + 1) + "</PartNumber><ETag>" + escaped(tags[part]) +
               "</ETag></Part>";
    }
    return xml + "</CompleteMultipartUpload>";
}

bool is_completion_result(std::string_view body) {
    pugi::xml_document document;
    return load(document, body) && document.child("CompleteMultipartUploadResult");
}

Result<UploadsPage> parse_uploads(std::string_view body) {
    pugi::xml_document document;
    if (!load(document, body)) return damaged("not XML");
    const auto result = document.child("ListMultipartUploadsResult");
    if (!result) return damaged("not a ListMultipartUploadsResult");
    const bool url_encoded = std::string_view(result.child_value("EncodingType")) == "url";
    UploadsPage page;
    for (const auto& node : result.children("Upload")) {
        auto key = decoded(node.child_value("Key"), url_encoded);
        std::string id = printable(node.child_value("UploadId"), token_limit);
        if (!key || key->empty() || id.empty()) return damaged("an upload without key or identifier");
        page.uploads.push_back({*std::move(key), std::move(id)});
    }
    if (page.uploads.size() > page_limit) return damaged("more entries than were asked for");
    auto next_key = decoded(result.child_value("NextKeyMarker"), url_encoded);
    if (!next_key) return damaged("a marker that cannot be read");
    page.next_key = *std::move(next_key);
    page.next_id = printable(result.child_value("NextUploadIdMarker"), token_limit);
    page.more =
        std::string_view(result.child_value("IsTruncated")) == "true" ? UploadsPage::More::yes : UploadsPage::More::no;
    return page;
}

std::string delete_request(const std::vector<std::string>& keys) {
    std::string xml = R"(<?xml version="1.0" encoding="UTF-8"?>)"
                      R"(<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>)";
    for (const auto& key : keys) xml += "<Object><Key>" + escaped(key) + "</Key></Object>";
    return xml + "</Delete>";
}

Result<std::optional<S3Error>> parse_delete_result(std::string_view body) {
    pugi::xml_document document;
    if (!load(document, body) || !document.child("DeleteResult")) {
        return fail(FaultKind::corrupt, "the store's answer to a deletion is no DeleteResult");
    }
    for (const auto& node : document.child("DeleteResult").children("Error")) {
        S3Error error = error_in(node);
        if (error.code == "NoSuchKey") continue;
        if (error.code.empty()) error.code = "UnknownError";
        return error;
    }
    return std::nullopt;
}

}  // namespace pgbosun::object_store
