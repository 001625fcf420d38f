#pragma once
// From "put this blob" to the authorized HTTP request of Azure Blob Storage. Pure but for the time it is
// given. (Azure documentation, "Authorize with Shared Key"; "Create a service SAS".)

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "object_store/destination.hpp"
#include "object_store/http_client.hpp"
#include "object_store/sigv4.hpp"

namespace pgbosun::object_store {

inline constexpr const char* azure_version = "2021-08-06";

struct AzureAddress {
    Endpoint endpoint;  // with the account in its path where it is not in its host (the emulator)
    std::string account;
    std::string container;
};

struct AzureOperation {
    std::string method;
    std::string blob;  // full; empty: the container
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::span<const std::byte> body;
};

struct AccountKey {
    std::vector<std::byte> bytes;
};
struct SharedAccessSignature {
    std::string query;  // as it was given, without '?'
};
struct AzureToken {
    std::string text;
};
using AzureAuthorization = std::variant<AccountKey, SharedAccessSignature, AzureToken>;

HttpRequest authorized_request(const AzureAddress& address, const AzureOperation& operation,
                               const AzureAuthorization& who, SigningTime time);

// "Sat, 21 Nov 2026 10:00:00 GMT": the value of x-ms-date.
std::string http_date(SigningTime time);

// What an account's key signs; `headers` are all that are sent.
std::string string_to_sign(const AzureAddress& address, const AzureOperation& operation,
                           const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace pgbosun::object_store
