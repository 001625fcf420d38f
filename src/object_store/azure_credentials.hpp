#pragma once
// Where the Azure store's authorization comes from: what archive.azure.* names (a connection string, an
// account key, a shared access signature); AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY,
// AZURE_STORAGE_SAS_TOKEN; a workload identity (AZURE_FEDERATED_TOKEN_FILE and its kin); the managed identity
// of the machine. As credentials.hpp: the first that is configured, files read anew each time, tokens renewed
// in time. Blocking; any thread.

#include <string>

#include "object_store/azure_request.hpp"
#include "object_store/secret_source.hpp"
#include "object_store/token_cache.hpp"
#include "object_store/token_service.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

class AzureCredentialChain {
public:
    explicit AzureCredentialChain(AzureCredentials given, Environment environment = process_environment())
        : given_(std::move(given)), environment_(std::move(environment)) {}

    Result<AzureAuthorization> get(SigningTime now, Freshness freshness);
    void cancel() { service_.cancel(); }

private:
    Result<Expiring<std::string>> from_workload_identity(SigningTime now);
    Result<Expiring<std::string>> from_managed_identity(SigningTime now);

    const AzureCredentials given_;
    const Environment environment_;
    TokenService service_;
    TokenCache<std::string> cache_;
};

}  // namespace pgbosun::object_store
