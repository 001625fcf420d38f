#pragma once
// What OAuth token endpoints and Google's key files say, read with mistrust. Pure. No Fault holds any of
// their text.

#include <string>
#include <string_view>

#include "object_store/token_cache.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

// {"access_token": ..., "expires_in": 3599}, the number also as text. corrupt: anything else.
Result<Expiring<std::string>> parse_access_token(std::string_view json, SigningTime now);

struct ServiceAccount {
    std::string email;
    std::string private_key;  // PEM
    std::string token_url;
};

// A key file of a Google service account. refused: it is none.
Result<ServiceAccount> parse_service_account(std::string_view json);

// A JSON Web Token of RS256 that asks `account.token_url` for access to storage, good for an hour. refused:
// its private key cannot be used.
Result<std::string> signed_assertion(const ServiceAccount& account, SigningTime now);

}  // namespace pgbosun::object_store
