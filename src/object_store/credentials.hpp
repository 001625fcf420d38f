#pragma once
// Where the S3 store's secrets come from, in the order of AWS' SDKs: what the settings name;
// AWS_ACCESS_KEY_ID and its kin; a web identity (IRSA); the shared credentials file; the container's service
// (EKS pod identity, ECS); the instance metadata service (version 2). The first that is configured is asked,
// and no other when it fails.
//
// Files and variables are read anew at each call: a mounted secret may have been renewed. What a service
// hands out is renewed before it expires, and when the store says that it is no longer good. Blocking
// (services: some seconds); any thread.

#include <memory>
#include <string>

#include "object_store/secret_source.hpp"
#include "object_store/sigv4.hpp"
#include "object_store/token_cache.hpp"
#include "object_store/token_service.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

class CredentialChain {
public:
    // `region` is for STS, unless AWS_REGION says another; `ca_file` for an STS at AWS_ENDPOINT_URL_STS.
    CredentialChain(S3Credentials given, std::string region, std::optional<std::string> ca_file,
                    Environment environment = process_environment());

    // unavailable: a file cannot be read, or a service does not answer (now). refused: nothing is configured,
    // a value is empty or not one line, or a service says no.
    Result<Credentials> get(SigningTime now, Freshness freshness);
    void cancel() { service_.cancel(); }

private:
    Result<Credentials> from_sources(const S3Credentials& sources) const;
    Result<Expiring<Credentials>> from_web_identity();
    Result<Expiring<Credentials>> from_container();
    Result<Expiring<Credentials>> from_instance();
    Result<std::optional<Credentials>> from_shared_file() const;
    [[nodiscard]] bool names_container() const;

    const S3Credentials given_;
    const std::string region_;
    const Environment environment_;
    TokenService service_;
    TokenCache<Credentials> cache_;
};

}  // namespace pgbosun::object_store
