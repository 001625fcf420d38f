#include "support/scripted_s3.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <pugixml.hpp>

#include "object_store/digest.hpp"
#include "object_store/sigv4.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::test {
namespace {

// As S3 writes it; every object is as old as the listing.
std::string utc_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
    return text.data();
}

using namespace object_store;

constexpr std::int64_t skew_s = 7200;

std::string error(const std::string& status, const std::string& code) {
    const std::string body =
        "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>told by the test</Message></Error>";
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string document(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

std::string http_date(std::int64_t offset_s) {
    const time_t now = time(nullptr) + offset_s;
    tm parts{};
    gmtime_r(&now, &parts);
    char text[64];
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

// Signs the request again with the secret both know, over the headers it names.
bool is_signed(const ScriptedRequest& request, const SigningScope& scope_of_store) {
    const std::string prefix(scope_of_store.dialect.header_prefix);
    const auto header = [&](const std::string& name) {
        const auto found = request.headers.find(name);
        return found == request.headers.end() ? std::string() : found->second;
    };
    const std::string given = header("authorization");
    const std::size_t from = given.find("SignedHeaders=");
    const std::size_t scope = given.find('/');
    if (from == std::string::npos || scope == std::string::npos) return false;
    const std::string names = given.substr(from + 14, given.find(',', from) - from - 14);
    RequestToSign again{.method = request.method,
                        .path = request.path,
                        .query = {},
                        .headers = {},
                        .payload_hash = header(prefix + "content-sha256")};
    for (const auto& entry : request.query) again.query.push_back(entry);
    for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find(';', at), names.size());
        again.headers.emplace_back(names.substr(at, end - at), header(names.substr(at, end - at)));
        at = end + 1;
    }
    for (const auto& [name, value] : request.headers) {
        const bool must_be_signed = name.starts_with(prefix) || name == "host" || name == "if-none-match";
        if (must_be_signed && (';' + names + ';').find(';' + name + ';') == std::string::npos) return false;
    }
    tm parts{};
    if (strptime(header(prefix + "date").c_str(), "%Y%m%dT%H%M%SZ", &parts) == nullptr) return false;
    const SigningTime when{std::chrono::seconds(timegm(&parts))};
    const std::string expected =
        authorization(again, {ScriptedS3::access_key_id, ScriptedS3::secret_access_key, ""}, scope_of_store, when);
    return given == expected && sha256_hex(request.body) == again.payload_hash;
}

}  // namespace

void ScriptedS3::play(Fault fault, const std::string& method) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back({fault, method});
}

void ScriptedS3::set_conditional(Conditional conditional) {
    const std::lock_guard lock(mutex_);
    conditional_ = conditional;
}

std::map<std::string, ScriptedS3::Object> ScriptedS3::objects() const {
    const std::lock_guard lock(mutex_);
    return objects_;
}

void ScriptedS3::plant(const std::string& bucket_and_key, Object object) {
    const std::lock_guard lock(mutex_);
    objects_[bucket_and_key] = std::move(object);
}

std::vector<std::string> ScriptedS3::unfinished() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [id, upload] : uploads_) names.push_back(upload.name);
    return names;
}

std::optional<ScriptedS3::Fault> ScriptedS3::next_fault(const std::string& method) {
    for (auto script = scripts_.begin(); script != scripts_.end(); ++script) {
        if (!script->method.empty() && script->method != method) continue;
        const Fault fault = script->fault;
        scripts_.erase(script);
        return fault;
    }
    return std::nullopt;
}

bool ScriptedS3::is_authorized(const ScriptedRequest& request) const {
    if (speaks_ == Speaks::amazon) return is_signed(request, {.region = "us-east-1"});
    for (const auto& [name, value] : request.headers) {
        if (name.starts_with("x-amz-")) return false;
    }
    if (speaks_ == Speaks::google_with_keys)
        return is_signed(request, {.region = "auto", .service = "storage", .dialect = google_dialect});
    const auto found = request.headers.find("authorization");
    return found != request.headers.end() && found->second == std::string("Bearer ") + bearer_token;
}

ScriptedReply ScriptedS3::answer(const ScriptedRequest& request) {
    using End = ScriptedReply::End;
    const std::lock_guard lock(mutex_);
    const auto fault = next_fault(request.method);
    const auto usual = [&] {
        return is_authorized(request) ? carry_out(request) : error("403 Forbidden", "SignatureDoesNotMatch");
    };
    if (!fault) return {usual()};
    switch (*fault) {
        case Fault::busy: return {error("503 Slow Down", "SlowDown")};
        case Fault::throttled: return {error("429 Too Many Requests", "TooManyRequests")};
        case Fault::proxy_error: return {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"};
        case Fault::reset: return {"", End::reset};
        case Fault::lost_answer: usual(); return {"", End::reset};
        case Fault::stall: return {"", End::stall};
        case Fault::short_body: {
            std::string text = usual();
            text.resize(text.size() - 1);
            return {text, End::close};
        }
        case Fault::wrong_bytes: {
            std::string text = usual();
            text.back() = static_cast<char>(text.back() ^ 1);
            return {text};
        }
        case Fault::expired_token: return {error("400 Bad Request", "ExpiredToken")};
        case Fault::clock_skew: {
            std::string text = error("403 Forbidden", "RequestTimeTooSkewed");
            text.insert(text.find("\r\n") + 2, "Date: " + http_date(skew_s) + "\r\n");
            return {text};
        }
        case Fault::foreign_404: return {"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found"};
        case Fault::no_length: return {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it", End::close};
        case Fault::endless_listing:
            return {document("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")};
        case Fault::late_error:
            return {document(
                "<?xml version=\"1.0\"?>\n\n   <Error><Code>InternalError</Code><Message>late</Message></Error>")};
    }
    return {"", End::close};
}

std::string ScriptedS3::carry_out(const ScriptedRequest& request) {
    const std::string name = request.path.substr(1);
    const std::size_t slash = name.find('/');
    const bool is_bucket = slash == std::string::npos || slash + 1 == name.size();
    const std::string bucket = name.substr(0, slash);
    if (bucket != "bucket") return error("404 Not Found", "NoSuchBucket");
    const auto upload = request.query.find("uploadId");
    if (is_bucket && request.method == "GET" && request.query.contains("uploads")) return list_uploads(request, bucket);
    if (request.method == "POST" && request.query.contains("uploads")) return begin_upload(request, name);
    if (upload != request.query.end() && !uploads_.contains(upload->second))
        return error("404 Not Found", "NoSuchUpload");
    if (upload != request.query.end() && request.method == "PUT") return put_part(request, upload->second);
    if (upload != request.query.end() && request.method == "POST") return complete(request, upload->second);
    if (upload != request.query.end() && request.method == "DELETE") {
        uploads_.erase(upload->second);
        return "HTTP/1.1 204 No Content\r\n\r\n";
    }
    if (is_bucket && request.method == "GET") return list(request, bucket);
    if (is_bucket && request.method == "POST" && speaks_ == Speaks::amazon) return remove(request, bucket);
    if (is_bucket) return error("400 Bad Request", "InvalidArgument");
    if (request.method == "DELETE") {
        return objects_.erase(name) == 1 ? "HTTP/1.1 204 No Content\r\n\r\n" : error("404 Not Found", "NoSuchKey");
    }
    if (request.method == "PUT") return put(request, name);
    return get(request, name);
}

bool ScriptedS3::is_kept(const std::string& header) const {
    return header.starts_with(metadata_prefix()) || header.starts_with("x-amz-server-side-encryption");
}

std::string ScriptedS3::put(const ScriptedRequest& request, const std::string& name) {
    const auto generation = request.headers.find("x-goog-if-generation-match");
    const bool google_asks =
        speaks_ != Speaks::amazon && generation != request.headers.end() && generation->second == "0";
    if (google_asks || (speaks_ == Speaks::amazon && request.headers.contains("if-none-match"))) {
        if (conditional_ == Conditional::not_implemented) return error("501 Not Implemented", "NotImplemented");
        if (conditional_ == Conditional::honoured && objects_.contains(name)) {
            return error("412 Precondition Failed", "PreconditionFailed");
        }
    }
    Object object{request.body, {}};
    for (const auto& [header, value] : request.headers) {
        if (is_kept(header)) object.metadata[header] = value;
    }
    objects_[name] = std::move(object);
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

std::string ScriptedS3::begin_upload(const ScriptedRequest& request, const std::string& name) {
    const std::string id = "upload+/" + std::to_string(++last_upload_);
    uploads_[id].name = name;
    for (const auto& [header, value] : request.headers) {
        if (is_kept(header)) uploads_[id].metadata[header] = value;
    }
    return document("<InitiateMultipartUploadResult><UploadId>" + id + "</UploadId></InitiateMultipartUploadResult>");
}

std::string ScriptedS3::put_part(const ScriptedRequest& request, const std::string& id) {
    uploads_[id].parts[std::stoi(request.query.at("partNumber"))] = request.body;
    return "HTTP/1.1 200 OK\r\nETag: \"" + sha256_hex(request.body) + "\"\r\nContent-Length: 0\r\n\r\n";
}

std::string ScriptedS3::complete(const ScriptedRequest& request, const std::string& id) {
    pugi::xml_document wanted;
    if (!wanted.load_buffer(request.body.data(), request.body.size())) return error("400 Bad Request", "MalformedXML");
    Upload upload = uploads_[id];
    Object object{"", upload.metadata};
    int last = 0;
    for (const auto& node : wanted.child("CompleteMultipartUpload").children("Part")) {
        const int number = node.child("PartNumber").text().as_int();
        if (number <= last) return error("400 Bad Request", "InvalidPartOrder");
        last = number;
        const auto part = upload.parts.find(number);
        const bool known =
            part != upload.parts.end() && '"' + sha256_hex(part->second) + '"' == node.child_value("ETag");
        if (!known) return error("400 Bad Request", "InvalidPart");
        object.body += part->second;
    }
    if (last == 0) return error("400 Bad Request", "MalformedXML");
    objects_[upload.name] = std::move(object);
    uploads_.erase(id);
    return document("<CompleteMultipartUploadResult><ETag>tag</ETag></CompleteMultipartUploadResult>");
}

// Two to a page: a store may give fewer than were asked for.
std::string ScriptedS3::list_uploads(const ScriptedRequest& request, const std::string& bucket) {
    const auto parameter = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    std::map<std::pair<std::string, std::string>, int> sorted;
    for (const auto& [id, upload] : uploads_) sorted[{upload.name.substr(bucket.size() + 1), id}] = 0;
    const std::pair<std::string, std::string> marker{parameter("key-marker"), parameter("upload-id-marker")};
    std::string uploads;
    std::pair<std::string, std::string> last;
    int entries = 0;
    bool truncated = false;
    for (const auto& [entry, unused] : sorted) {
        if (!entry.first.starts_with(parameter("prefix")) || entry <= marker) continue;
        truncated = entries++ == 2;
        if (truncated) break;
        last = entry;
        uploads +=
            "<Upload><Key>" + encode_uri(entry.first) + "</Key><UploadId>" + entry.second + "</UploadId></Upload>";
    }
    return document("<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>" +
                    std::string(truncated ? "true" : "false") + "</IsTruncated><NextKeyMarker>" +
                    encode_uri(last.first) + "</NextKeyMarker><NextUploadIdMarker>" + last.second +
                    "</NextUploadIdMarker>" + uploads + "</ListMultipartUploadsResult>");
}

std::string ScriptedS3::get(const ScriptedRequest&, const std::string& name) {
    const auto found = objects_.find(name);
    if (found == objects_.end()) return error("404 Not Found", "NoSuchKey");
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(found->second.body.size()) + "\r\n";
    for (const auto& [header, value] : found->second.metadata) text += header + ": " + value + "\r\n";
    return text + "\r\n" + found->second.body;
}

std::string ScriptedS3::list(const ScriptedRequest& request, const std::string& bucket) {
    const auto parameter = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    const std::string prefix = parameter("prefix");
    const std::string delimiter = parameter("delimiter");
    const std::string token = parameter("continuation-token");
    const std::string after = token.empty() ? parameter("start-after") : token.substr(6);
    std::string last;
    std::string contents;
    std::string prefixes;
    int entries = 0;
    bool truncated = false;
    for (const auto& [name, object] : objects_) {
        const std::string key = name.substr(bucket.size() + 1);
        if (!key.starts_with(prefix) || key <= after) continue;
        if (!token.empty() && after.ends_with('/') && key.starts_with(after) && !delimiter.empty()) continue;
        const std::size_t cut = delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
        const std::string entry = cut == std::string::npos ? key : key.substr(0, cut + 1);
        if (entry == last) continue;
        if (entries++ == 1000) {
            truncated = true;
            break;
        }
        last = entry;
        if (cut == std::string::npos) {
            contents += "<Contents><Key>" + encode_uri(key) + "</Key><Size>" + std::to_string(object.body.size()) +
                        "</Size><LastModified>" + utc_now() + "</LastModified></Contents>";
        } else {
            prefixes += "<CommonPrefixes><Prefix>" + encode_uri(entry) + "</Prefix></CommonPrefixes>";
        }
    }
    return document("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" +
                    std::string(truncated ? "true" : "false") + "</IsTruncated>" +
                    (truncated ? "<NextContinuationToken>token " + last + "</NextContinuationToken>" : "") + contents +
                    prefixes + "</ListBucketResult>");
}

std::string ScriptedS3::remove(const ScriptedRequest& request, const std::string& bucket) {
    const auto md5 = request.headers.find("content-md5");
    if (md5 == request.headers.end() || md5->second != md5_base64(request.body))
        return error("400 Bad Request", "BadDigest");
    pugi::xml_document wanted;
    if (!wanted.load_buffer(request.body.data(), request.body.size())) return error("400 Bad Request", "MalformedXML");
    for (const auto& node : wanted.child("Delete").children("Object"))
        objects_.erase(bucket + '/' + node.child_value("Key"));
    return document("<DeleteResult/>");
}

}  // namespace pgbosun::test
