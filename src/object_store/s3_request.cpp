#include "object_store/s3_request.hpp"

#include "object_store/uri.hpp"

namespace pgbosun::object_store {

HttpRequest signed_request(const S3Address& address, const S3Operation& operation, const Credentials& credentials,
                           SigningTime time) {
    const bool by_path = address.addressing == Addressing::path_style;
    const std::string host = by_path ? address.endpoint.host : address.bucket + '.' + address.endpoint.host;
    const std::string bucket = by_path ? '/' + address.bucket : "";
    RequestToSign request{.method = operation.method,
                          .path = address.endpoint.path + bucket + '/' + operation.key,
                          .query = operation.query,
                          .headers = operation.headers,
                          .payload_hash = operation.payload_hash};
    if (by_path && operation.key.empty()) request.path.pop_back();
    request.headers.emplace_back("host", host);
    request.headers.emplace_back("x-amz-content-sha256", operation.payload_hash);
    request.headers.emplace_back("x-amz-date", amz_date(time));
    if (!credentials.session_token.empty()) {
        request.headers.emplace_back("x-amz-security-token", credentials.session_token);
    }
    HttpRequest http{.method = operation.method,
                     .url = address.endpoint.scheme + "://" + host + encode_path(request.path),
                     .headers = {},
                     .body = operation.body};
    if (!operation.query.empty()) http.url += '?' + canonical_query(operation.query);
    for (const auto& [name, value] : request.headers) http.headers.push_back(name + ": " + value);
    http.headers.push_back("authorization: " +
                           authorization(request, credentials, SigningScope{.region = address.region}, time));
    http.headers.emplace_back("content-type: application/octet-stream");
    http.headers.emplace_back("expect:");  // curl would wait for 100 Continue
    return http;
}

}  // namespace pgbosun::object_store
