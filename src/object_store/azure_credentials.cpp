#include "object_store/azure_credentials.hpp"

#include "object_store/azure_messages.hpp"
#include "object_store/digest.hpp"
#include "object_store/oauth_messages.hpp"
#include "object_store/retry_policy.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

constexpr const char* identity_service = "http://169.254.169.254/metadata/identity/oauth2/token";
constexpr const char* resource = "https://storage.azure.com/";

Result<AzureAuthorization> account_key(const std::string& text) {
    auto bytes = decode_base64(text);
    if (!bytes) return fail(FaultKind::refused, "the account key is no base64", "check what archive.azure names");
    return AccountKey{*std::move(bytes)};
}

Result<AzureAuthorization> signature(std::string text) {
    if (text.starts_with('?')) text.erase(0, 1);
    if (text.find("sig=") != std::string::npos) return SharedAccessSignature{std::move(text)};
    return fail(FaultKind::refused, "the shared access signature has no sig=", "check what archive.azure names");
}

Result<AzureAuthorization> from_connection_string(const std::string& text) {
    auto parts = parse_connection_string(text);
    if (!parts) return std::unexpected(std::move(parts).error());
    return parts->account_key.empty() ? signature(std::move(parts->sas)) : account_key(parts->account_key);
}

}  // namespace

Result<AzureAuthorization> AzureCredentialChain::get(SigningTime now, Freshness freshness) {
    const bool given = given_.connection_string.given() || given_.account_key.given() || given_.sas_token.given();
    const auto source = [&](const SecretSource& from_settings, const char* variable) {
        SecretSource found = from_settings;
        if (!given && environment_(variable)) found.environment = variable;
        return found;
    };
    const SecretSource connection = source(given_.connection_string, "AZURE_STORAGE_CONNECTION_STRING");
    const SecretSource key = source(given_.account_key, "AZURE_STORAGE_KEY");
    const SecretSource sas = source(given_.sas_token, "AZURE_STORAGE_SAS_TOKEN");
    for (const auto& [found, name] :
         {std::pair(&connection, "the connection string"), std::pair(&key, "the account key"),
          std::pair(&sas, "the shared access signature")}) {
        if (!found->given()) continue;
        auto text = read_secret(*found, name, environment_);
        if (!text) return std::unexpected(std::move(text).error());
        if (found == &connection) return from_connection_string(*text);
        return found == &key ? account_key(*text) : signature(*std::move(text));
    }
    const bool workload = environment_("AZURE_FEDERATED_TOKEN_FILE") && environment_("AZURE_CLIENT_ID") &&
                          environment_("AZURE_TENANT_ID");
    const auto fetch = [&] { return workload ? from_workload_identity(now) : from_managed_identity(now); };
    auto token = cache_.get(fetch, freshness, now, random_fraction());
    if (!token) return std::unexpected(std::move(token).error());
    return AzureToken{*std::move(token)};
}

Result<Expiring<std::string>> AzureCredentialChain::from_workload_identity(SigningTime now) {
    const auto assertion = read_secret({.file = environment_("AZURE_FEDERATED_TOKEN_FILE"), .environment = {}},
                                       "the federated token", environment_);
    if (!assertion) return std::unexpected(assertion.error());
    std::string authority = environment_("AZURE_AUTHORITY_HOST").value_or("https://login.microsoftonline.com/");
    if (!authority.ends_with('/')) authority += '/';
    const auto body = service_.ask(
        {.method = "POST",
         .url = authority + encode_uri(environment_("AZURE_TENANT_ID").value_or("")) + "/oauth2/v2.0/token",
         .headers = {"content-type: application/x-www-form-urlencoded"},
         .body = "grant_type=client_credentials&client_id=" + encode_uri(environment_("AZURE_CLIENT_ID").value_or("")) +
                 "&scope=" + encode_uri(std::string(resource) + ".default") +
                 "&client_assertion_type=" + encode_uri("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
                 "&client_assertion=" + *assertion},
        "Microsoft Entra");
    if (body) return parse_access_token(*body, now);
    Fault fault = body.error();
    if (fault.kind == FaultKind::refused)
        fault.hint = "check AZURE_CLIENT_ID and AZURE_TENANT_ID, and the federated credential of the identity";
    return std::unexpected(std::move(fault));
}

Result<Expiring<std::string>> AzureCredentialChain::from_managed_identity(SigningTime now) {
    std::string url = environment_("AZURE_POD_IDENTITY_AUTHORITY_HOST").value_or("");
    url = url.empty() ? identity_service : url + "/metadata/identity/oauth2/token";
    url += "?api-version=2018-02-01&resource=" + encode_uri(resource);
    if (const auto client = environment_("AZURE_CLIENT_ID")) url += "&client_id=" + encode_uri(*client);
    const auto body = service_.ask({.url = url, .headers = {"metadata: true"}, .body = {}, .proxy = Proxy::never},
                                   "the managed identity service");
    if (body) return parse_access_token(*body, now);
    Fault fault = body.error();
    fault.hint =
        "no credentials for Azure are configured: set archive.azure, or give the machine or the service "
        "account an identity";
    return std::unexpected(std::move(fault));
}

}  // namespace pgbosun::object_store
