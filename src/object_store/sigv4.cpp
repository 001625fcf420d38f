#include "object_store/sigv4.hpp"

#include <algorithm>
#include <cstdio>

#include "object_store/digest.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Without space at both ends, and with one space for each run within.
std::string trimmed(std::string_view value) {
    std::string text;
    for (const char c : value) {
        const bool space = c == ' ' || c == '\t';
        if (!space) text += c;
        if (space && !text.empty() && text.back() != ' ') text += ' ';
    }
    if (text.ends_with(' ')) text.pop_back();
    return text;
}

Headers sorted(Headers headers) {
    std::sort(headers.begin(), headers.end());  // each name comes once
    return headers;
}

std::string signed_headers(const Headers& headers) {
    std::string names;
    for (const auto& header : sorted(headers)) {
        if (!names.empty()) names += ';';
        names += header.first;
    }
    return names;
}

std::string scope_text(std::string_view date, const SigningScope& scope) {
    return std::string(date.substr(0, 8)) + '/' + scope.region + '/' + scope.service + '/' +
           std::string(scope.dialect.terminator);
}

Sha256 signing_key(const std::string& secret, std::string_view date, const SigningScope& scope) {
    const std::string start = std::string(scope.dialect.key_prefix) + secret;
    const Sha256 day = hmac_sha256(std::as_bytes(std::span(start.data(), start.size())), date.substr(0, 8));
    const Sha256 region = hmac_sha256(day, scope.region);
    const Sha256 service = hmac_sha256(region, scope.service);
    return hmac_sha256(service, scope.dialect.terminator);
}

}  // namespace

std::string amz_date(SigningTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    char text[32];
    std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::string canonical_query(const std::vector<std::pair<std::string, std::string>>& query) {
    Headers encoded;
    for (const auto& [name, value] : query) encoded.emplace_back(encode_uri(name), encode_uri(value));
    std::sort(encoded.begin(), encoded.end());
    std::string text;
    for (const auto& [name, value] : encoded) {
        if (!text.empty()) text += '&';
        text += name + '=' + value;
    }
    return text;
}

std::string canonical_request(const RequestToSign& request) {
    std::string text = request.method + '\n' + encode_path(request.path) + '\n' + canonical_query(request.query) + '\n';
    for (const auto& [name, value] : sorted(request.headers)) text += name + ':' + trimmed(value) + '\n';
    return text + '\n' + signed_headers(request.headers) + '\n' + request.payload_hash;
}

std::string authorization(const RequestToSign& request, const Credentials& credentials, const SigningScope& scope,
                          SigningTime time) {
    const std::string date = amz_date(time);
    const std::string where = scope_text(date, scope);
    const std::string to_sign = std::string(scope.dialect.algorithm) + '\n' + date + '\n' + where + '\n' +
                                sha256_hex(canonical_request(request));
    const Sha256 key = signing_key(credentials.secret_access_key, date, scope);
    return std::string(scope.dialect.algorithm) + " Credential=" + credentials.access_key_id + '/' + where +
           ", SignedHeaders=" + signed_headers(request.headers) + ", Signature=" + hex(hmac_sha256(key, to_sign));
}

}  // namespace pgbosun::object_store
