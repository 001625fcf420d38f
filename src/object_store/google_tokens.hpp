#pragma once
// Access to Google Cloud Storage: OAuth tokens from a service account's key file (the one that the settings
// name, or GOOGLE_APPLICATION_CREDENTIALS), else from the metadata server (GKE workload identity, Compute
// Engine). Blocking; any thread.

#include <string>

#include "object_store/oauth_messages.hpp"
#include "object_store/secret_source.hpp"
#include "object_store/token_service.hpp"

namespace pgbosun::object_store {

class GoogleTokens {
public:
    explicit GoogleTokens(SecretSource service_account, Environment environment = process_environment())
        : service_account_(std::move(service_account)), environment_(std::move(environment)) {}

    // As CredentialChain::get.
    Result<std::string> get(SigningTime now, Freshness freshness);
    void cancel() { service_.cancel(); }

private:
    Result<Expiring<std::string>> from_key_file(const std::string& path, SigningTime now);
    Result<Expiring<std::string>> from_metadata_server(SigningTime now);

    const SecretSource service_account_;
    const Environment environment_;
    TokenService service_;
    TokenCache<std::string> cache_;
};

}  // namespace pgbosun::object_store
