#include "object_store/azure_request.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "object_store/digest.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string path_of(const AzureAddress& address, const AzureOperation& operation) {
    std::string path = address.endpoint.path + '/' + address.container;
    if (!operation.blob.empty()) path += '/' + operation.blob;
    return encode_path(path);
}

std::string value_of(const Pairs& headers, std::string_view name) {
    for (const auto& [found, value] : headers) {
        if (found == name) return value;
    }
    return "";
}

}  // namespace

std::string http_date(SigningTime time) {
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    char text[40];
    std::snprintf(text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d GMT",
                  days[std::chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::string string_to_sign(const AzureAddress& address, const AzureOperation& operation, const Pairs& headers) {
    std::string text = operation.method + "\n\n\n";
    text += (operation.body.empty() ? "" : std::to_string(operation.body.size())) + '\n';
    for (const char* name : {"content-md5", "content-type", "date", "if-modified-since", "if-match", "if-none-match",
                             "if-unmodified-since", "range"}) {
        text += value_of(headers, name) + '\n';
    }
    const std::map<std::string, std::string> sorted(headers.begin(), headers.end());
    for (const auto& [name, value] : sorted) {
        if (name.starts_with("x-ms-")) text += name + ':' + value + '\n';
    }
    text += '/' + address.account + path_of(address, operation);
    const std::map<std::string, std::string> query(operation.query.begin(), operation.query.end());
    for (const auto& [name, value] : query) text += '\n' + name + ':' + value;
    return text;
}

HttpRequest authorized_request(const AzureAddress& address, const AzureOperation& operation,
                               const AzureAuthorization& who, SigningTime time) {
    Pairs headers = operation.headers;
    headers.emplace_back("x-ms-date", http_date(time));
    headers.emplace_back("x-ms-version", azure_version);
    headers.emplace_back("content-type", "application/octet-stream");
    std::string query = canonical_query(operation.query);
    if (const auto* key = std::get_if<AccountKey>(&who)) {
        const std::string signature = base64(hmac_sha256(key->bytes, string_to_sign(address, operation, headers)));
        headers.emplace_back("authorization", "SharedKey " + address.account + ':' + signature);
    } else if (const auto* token = std::get_if<AzureToken>(&who)) {
        headers.emplace_back("authorization", "Bearer " + token->text);
    } else {
        query += (query.empty() ? "" : "&") + std::get<SharedAccessSignature>(who).query;
    }
    HttpRequest http{.method = operation.method,
                     .url = address.endpoint.scheme + "://" + address.endpoint.host + path_of(address, operation),
                     .headers = {},
                     .body = operation.body};
    if (!query.empty()) http.url += '?' + query;
    for (const auto& [name, value] : headers) http.headers.push_back(name + ": " + value);
    http.headers.emplace_back("expect:");  // curl would wait for 100 Continue
    return http;
}

}  // namespace pgbosun::object_store
