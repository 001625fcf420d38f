#include "object_store/s3_request.hpp"

#include "object_store/uri.hpp"

namespace pgbosun::object_store {

namespace {

const FlavourNames amazon{
    .signing = amazon_dialect, .service = "s3", .metadata_prefix = "x-amz-meta-", .if_absent = {"if-none-match", "*"}};
const FlavourNames google{.signing = google_dialect,
                          .service = "storage",
                          .metadata_prefix = "x-goog-meta-",
                          .if_absent = {"x-goog-if-generation-match", "0"},
                          .removal = FlavourNames::Removal::one_by_one};

// Adds what must be signed, and answers with the Authorization header's value.
std::string authorize(RequestToSign& request, const S3Address& address, const Authentication& who, SigningTime time) {
    if (const auto* token = std::get_if<BearerToken>(&who)) return "Bearer " + token->text;
    const auto& names = names_of(address.flavour);
    const auto& credentials = std::get<Credentials>(who);
    const std::string prefix(names.signing.header_prefix);
    request.headers.emplace_back(prefix + "content-sha256", request.payload_hash);
    request.headers.emplace_back(prefix + "date", amz_date(time));
    if (!credentials.session_token.empty()) {
        request.headers.emplace_back(prefix + "security-token", credentials.session_token);
    }
    const SigningScope scope{.region = address.region, .service = names.service, .dialect = names.signing};
    return authorization(request, credentials, scope, time);
}

}  // namespace

const FlavourNames& names_of(Flavour flavour) { return flavour == Flavour::google ? google : amazon; }

HttpRequest signed_request(const S3Address& address, const S3Operation& operation, const Authentication& who,
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
    const std::string authorized = authorize(request, address, who, time);
    HttpRequest http{.method = operation.method,
                     .url = address.endpoint.scheme + "://" + host + encode_path(request.path),
                     .headers = {},
                     .body = operation.body};
    if (!operation.query.empty()) http.url += '?' + canonical_query(operation.query);
    for (const auto& [name, value] : request.headers) http.headers.push_back(name + ": " + value);
    http.headers.push_back("authorization: " + authorized);
    http.headers.emplace_back("content-type: application/octet-stream");
    http.headers.emplace_back("expect:");  // curl would wait for 100 Continue
    return http;
}

}  // namespace pgbosun::object_store
