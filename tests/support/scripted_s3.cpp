#include "support/scripted_s3.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <pugixml.hpp>
#include <stdexcept>

#include "object_store/digest.hpp"
#include "object_store/sigv4.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::test {
namespace {

using namespace object_store;

constexpr std::int64_t skew_s = 7200;

std::string error(const std::string& status, const std::string& code) {
    const std::string body = "<?xml version=\"1.0\"?><Error><Code>" + code + "</Code><Message>told by the test</Message></Error>";
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string document(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool send_all(int connection, const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t sent = send(connection, text.data() + at, text.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        at += static_cast<std::size_t>(sent);
    }
    return true;
}

bool receive_some(int connection, std::string& buffer) {
    char part[65536];
    const ssize_t got = recv(connection, part, sizeof part, 0);
    if (got > 0) buffer.append(part, static_cast<std::size_t>(got));
    return got > 0;
}

void reset(int connection) {
    const linger abort_it{1, 0};
    setsockopt(connection, SOL_SOCKET, SO_LINGER, &abort_it, sizeof abort_it);
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// Of a query, where '+' is what it is.
std::string plain(std::string text) {
    for (std::size_t at = 0; (at = text.find('+', at)) != std::string::npos;) text.replace(at, 1, "%2B");
    return decode_uri(text).value_or("?");
}

std::map<std::string, std::string> parse_query(const std::string& raw) {
    std::map<std::string, std::string> query;
    for (std::size_t at = 0; at < raw.size();) {
        const std::size_t end = std::min(raw.find('&', at), raw.size());
        const std::string part = raw.substr(at, end - at);
        const std::size_t equals = std::min(part.find('='), part.size());
        query[plain(part.substr(0, equals))] = plain(part.substr(std::min(equals + 1, part.size())));
        at = end + 1;
    }
    return query;
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
bool is_signed(const ScriptedRequest& request) {
    const auto header = [&](const std::string& name) {
        const auto found = request.headers.find(name);
        return found == request.headers.end() ? std::string() : found->second;
    };
    const std::string given = header("authorization");
    const std::size_t from = given.find("SignedHeaders=");
    const std::size_t scope = given.find('/');
    if (from == std::string::npos || scope == std::string::npos) return false;
    const std::string names = given.substr(from + 14, given.find(',', from) - from - 14);
    RequestToSign again{.method = request.method, .path = request.path, .query = {}, .headers = {}, .payload_hash = header("x-amz-content-sha256")};
    for (const auto& entry : request.query) again.query.push_back(entry);
    for (std::size_t at = 0; at < names.size();) {
        const std::size_t end = std::min(names.find(';', at), names.size());
        again.headers.emplace_back(names.substr(at, end - at), header(names.substr(at, end - at)));
        at = end + 1;
    }
    for (const auto& [name, value] : request.headers) {
        const bool must_be_signed = name.starts_with("x-amz-") || name == "host" || name == "if-none-match";
        if (must_be_signed && (';' + names + ';').find(';' + name + ';') == std::string::npos) return false;
    }
    tm parts{};
    if (strptime(header("x-amz-date").c_str(), "%Y%m%dT%H%M%SZ", &parts) == nullptr) return false;
    const SigningTime when{std::chrono::seconds(timegm(&parts))};
    const std::string expected = authorization(again, {ScriptedS3::access_key_id, ScriptedS3::secret_access_key, ""}, {.region = "us-east-1"}, when);
    return given == expected && sha256_hex(request.body) == again.payload_hash;
}

}  // namespace

ScriptedS3::ScriptedS3() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, length) != 0 || listen(listener_, 64) != 0 || getsockname(listener_, generic, &length) != 0) {
        throw std::runtime_error("no port for the scripted store");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedS3::~ScriptedS3() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        shutdown(listener_, SHUT_RDWR);
        for (const int connection : open_) shutdown(connection, SHUT_RDWR);
        changed_.notify_all();
    }
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    close(listener_);
}

void ScriptedS3::play(Fault fault, const std::string& method) {
    const std::lock_guard lock(mutex_);
    scripts_.push_back({fault, method});
}

void ScriptedS3::set_conditional(Conditional conditional) {
    const std::lock_guard lock(mutex_);
    conditional_ = conditional;
}

void ScriptedS3::wait_for_stall() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stalls_ > 0; });
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

std::vector<ScriptedRequest> ScriptedS3::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void ScriptedS3::accept_all() {
    for (;;) {
        const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (connection < 0 || stopping_) {
            if (connection >= 0) close(connection);
            return;
        }
        ++connections_;
        open_.insert(connection);
        threads_.emplace_back([this, connection] {
            serve(connection);
            const std::lock_guard closing(mutex_);
            open_.erase(connection);
            close(connection);
        });
    }
}

void ScriptedS3::serve(int connection) {
    std::string buffer;
    for (;;) {
        std::size_t end = 0;
        while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
            if (!receive_some(connection, buffer)) return;
        }
        ScriptedRequest request;
        const std::string head = buffer.substr(0, end + 2);
        const std::size_t first = head.find("\r\n");
        const std::string line = head.substr(0, first);
        const std::size_t target = line.find(' ') + 1;
        const std::string uri = line.substr(target, line.rfind(' ') - target);
        const std::size_t mark = std::min(uri.find('?'), uri.size());
        request.method = line.substr(0, target - 1);
        request.path = plain(uri.substr(0, mark));
        request.query = parse_query(uri.substr(std::min(mark + 1, uri.size())));
        for (std::size_t at = first + 2; at < head.size();) {
            const std::size_t stop = head.find("\r\n", at);
            const std::size_t colon = head.find(':', at);
            const std::size_t value = std::min(head.find_first_not_of(' ', colon + 1), stop);
            request.headers[lower(head.substr(at, colon - at))] = head.substr(value, stop - value);
            at = stop + 2;
        }
        buffer.erase(0, end + 4);
        const auto length = request.headers.find("content-length");
        const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
        while (buffer.size() < size) {
            if (!receive_some(connection, buffer)) return;
        }
        request.body = buffer.substr(0, size);
        buffer.erase(0, size);
        if (!answer(connection, request)) return;
    }
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

// False: the connection ends.
bool ScriptedS3::answer(int connection, const ScriptedRequest& request) {
    std::unique_lock lock(mutex_);
    requests_.push_back(request);
    const auto fault = next_fault(request.method);
    const bool is_head = request.method == "HEAD";
    const auto reply = [&](std::string text) {
        lock.unlock();
        if (is_head) text.resize(text.find("\r\n\r\n") + 4);
        return send_all(connection, text);
    };
    const auto usual = [&] { return is_signed(request) ? carry_out(request) : error("403 Forbidden", "SignatureDoesNotMatch"); };
    if (!fault) return reply(usual());
    switch (*fault) {
        case Fault::busy: return reply(error("503 Slow Down", "SlowDown"));
        case Fault::proxy_error: return reply("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>");
        case Fault::reset: reset(connection); return false;
        case Fault::lost_answer:
            usual();
            reset(connection);
            return false;
        case Fault::stall: {
            ++stalls_;
            changed_.notify_all();
            lock.unlock();
            std::string ignored;
            while (receive_some(connection, ignored)) ignored.clear();
            return false;
        }
        case Fault::short_body: {
            std::string text = usual();
            text.resize(text.size() - 1);
            reply(text);
            return false;
        }
        case Fault::wrong_bytes: {
            std::string text = usual();
            text.back() = static_cast<char>(text.back() ^ 1);
            return reply(text);
        }
        case Fault::expired_token: return reply(error("400 Bad Request", "ExpiredToken"));
        case Fault::clock_skew: {
            std::string text = error("403 Forbidden", "RequestTimeTooSkewed");
            text.insert(text.find("\r\n") + 2, "Date: " + http_date(skew_s) + "\r\n");
            return reply(text);
        }
        case Fault::foreign_404: return reply("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found");
        case Fault::no_length: reply("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it"); return false;
        case Fault::endless_listing:
            return reply(document("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
        case Fault::late_error:
            return reply(document("<?xml version=\"1.0\"?>\n\n   <Error><Code>InternalError</Code><Message>late</Message></Error>"));
    }
    return false;
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
    if (upload != request.query.end() && !uploads_.contains(upload->second)) return error("404 Not Found", "NoSuchUpload");
    if (upload != request.query.end() && request.method == "PUT") return put_part(request, upload->second);
    if (upload != request.query.end() && request.method == "POST") return complete(request, upload->second);
    if (upload != request.query.end() && request.method == "DELETE") {
        uploads_.erase(upload->second);
        return "HTTP/1.1 204 No Content\r\n\r\n";
    }
    if (is_bucket && request.method == "GET") return list(request, bucket);
    if (is_bucket && request.method == "POST") return remove(request, bucket);
    if (request.method == "PUT") return put(request, name);
    return get(request, name);
}

std::string ScriptedS3::put(const ScriptedRequest& request, const std::string& name) {
    if (request.headers.contains("if-none-match")) {
        if (conditional_ == Conditional::not_implemented) return error("501 Not Implemented", "NotImplemented");
        if (conditional_ == Conditional::honoured && objects_.contains(name)) {
            return error("412 Precondition Failed", "PreconditionFailed");
        }
    }
    Object object{request.body, {}};
    for (const auto& [header, value] : request.headers) {
        if (header.starts_with("x-amz-meta-")) object.metadata[header] = value;
    }
    objects_[name] = std::move(object);
    return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
}

std::string ScriptedS3::begin_upload(const ScriptedRequest& request, const std::string& name) {
    const std::string id = "upload+/" + std::to_string(++last_upload_);
    uploads_[id].name = name;
    for (const auto& [header, value] : request.headers) {
        if (header.starts_with("x-amz-meta-")) uploads_[id].metadata[header] = value;
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
        const bool known = part != upload.parts.end() && '"' + sha256_hex(part->second) + '"' == node.child_value("ETag");
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
        uploads += "<Upload><Key>" + encode_uri(entry.first) + "</Key><UploadId>" + entry.second + "</UploadId></Upload>";
    }
    return document("<ListMultipartUploadsResult><EncodingType>url</EncodingType><IsTruncated>" + std::string(truncated ? "true" : "false") +
                    "</IsTruncated><NextKeyMarker>" + encode_uri(last.first) + "</NextKeyMarker><NextUploadIdMarker>" + last.second + "</NextUploadIdMarker>" +
                    uploads + "</ListMultipartUploadsResult>");
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
            contents += "<Contents><Key>" + encode_uri(key) + "</Key><Size>" + std::to_string(object.body.size()) + "</Size></Contents>";
        } else {
            prefixes += "<CommonPrefixes><Prefix>" + encode_uri(entry) + "</Prefix></CommonPrefixes>";
        }
    }
    return document("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>" + std::string(truncated ? "true" : "false") +
                    "</IsTruncated>" + (truncated ? "<NextContinuationToken>token " + last + "</NextContinuationToken>" : "") + contents + prefixes + "</ListBucketResult>");
}

std::string ScriptedS3::remove(const ScriptedRequest& request, const std::string& bucket) {
    const auto md5 = request.headers.find("content-md5");
    if (md5 == request.headers.end() || md5->second != md5_base64(request.body)) return error("400 Bad Request", "BadDigest");
    pugi::xml_document wanted;
    if (!wanted.load_buffer(request.body.data(), request.body.size())) return error("400 Bad Request", "MalformedXML");
    for (const auto& node : wanted.child("Delete").children("Object")) objects_.erase(bucket + '/' + node.child_value("Key"));
    return document("<DeleteResult/>");
}

}  // namespace pgbosun::test
