#pragma once
// AWS Signature Version 4 (Amazon S3 API reference, "Authenticating requests: using the Authorization header"),
// with the path encoded once and never normalised, as S3 wants it. Pure.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgbosun::object_store {

struct Credentials {
    std::string access_key_id;
    std::string secret_access_key;
    std::string session_token;  // empty: none
};

// What differs between AWS Signature Version 4 and Google's of the same construction ("V4 signing process").
struct SigningDialect {
    std::string_view algorithm, key_prefix, terminator, header_prefix;
};
inline constexpr SigningDialect amazon_dialect{"AWS4-HMAC-SHA256", "AWS4", "aws4_request", "x-amz-"};
inline constexpr SigningDialect google_dialect{"GOOG4-HMAC-SHA256", "GOOG4", "goog4_request", "x-goog-"};

struct SigningScope {
    std::string region;
    std::string service = "s3";
    SigningDialect dialect = amazon_dialect;
};

// Everything not yet encoded. All headers given here are signed; `host` must be among them. Names in lower case.
struct RequestToSign {
    std::string method;
    std::string path;  // "/bucket/key"
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string payload_hash;  // SHA-256 of the body, hex
};

using SigningTime = std::chrono::sys_seconds;

// "20150830T123600Z": the value of x-amz-date.
std::string amz_date(SigningTime time);
// Sorted and encoded: what is signed and, joined to the path with '?', what is sent.
std::string canonical_query(const std::vector<std::pair<std::string, std::string>>& query);
std::string canonical_request(const RequestToSign& request);
// The value of the Authorization header.
std::string authorization(const RequestToSign& request, const Credentials& credentials, const SigningScope& scope,
                          SigningTime time);

}  // namespace pgbosun::object_store
