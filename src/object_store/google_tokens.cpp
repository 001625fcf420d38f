#include "object_store/google_tokens.hpp"

#include "object_store/retry_policy.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

constexpr const char* metadata_host = "metadata.google.internal";
constexpr const char* token_path = "/computeMetadata/v1/instance/service-accounts/default/token";

}  // namespace

Result<std::string> GoogleTokens::get(SigningTime now, Freshness freshness) {
    const auto path = service_account_.file ? service_account_.file : environment_("GOOGLE_APPLICATION_CREDENTIALS");
    const auto fetch = [&] { return path ? from_key_file(*path, now) : from_metadata_server(now); };
    return cache_.get(fetch, freshness, now, random_fraction());
}

Result<Expiring<std::string>> GoogleTokens::from_key_file(const std::string& path, SigningTime now) {
    const auto text = read_secret_file(path);
    if (!text) return std::unexpected(text.error());
    const auto account = parse_service_account(*text);
    if (!account) return std::unexpected(Fault(account.error()).in(path));
    const auto assertion = signed_assertion(*account, now);
    if (!assertion) return std::unexpected(Fault(assertion.error()).in(path));
    const auto body = service_.ask({.method = "POST",
                                    .url = account->token_url,
                                    .headers = {"content-type: application/x-www-form-urlencoded"},
                                    .body = "grant_type=" + encode_uri("urn:ietf:params:oauth:grant-type:jwt-bearer") +
                                            "&assertion=" + *assertion},
                                   "Google's token endpoint");
    if (body) return parse_access_token(*body, now);
    Fault fault = body.error();
    if (fault.kind == FaultKind::refused)
        fault.hint = "the service account's key may have been deleted, or this machine's clock be wrong";
    return std::unexpected(std::move(fault));
}

Result<Expiring<std::string>> GoogleTokens::from_metadata_server(SigningTime now) {
    const std::string host = environment_("GCE_METADATA_HOST").value_or(metadata_host);
    const auto body = service_.ask({.url = "http://" + host + token_path,
                                    .headers = {"metadata-flavor: Google"},
                                    .body = {},
                                    .proxy = Proxy::never},
                                   "Google's metadata server");
    if (body) return parse_access_token(*body, now);
    Fault fault = body.error();
    fault.hint =
        "no credentials for Google Cloud Storage are configured: set archive.gcs.service_account_file or "
        "archive.credentials, or give the machine or the service account a role";
    return std::unexpected(std::move(fault));
}

}  // namespace pgbosun::object_store
