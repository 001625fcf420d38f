#include "object_store/credentials.hpp"

#include <unistd.h>

#include <array>
#include <tuple>

#include "object_store/aws_messages.hpp"
#include "object_store/destination.hpp"
#include "object_store/retry_policy.hpp"
#include "object_store/uri.hpp"

namespace pgbosun::object_store {
namespace {

constexpr const char* instance_service = "http://169.254.169.254";
constexpr const char* container_service = "http://169.254.170.2";
constexpr const char* token_lifetime_s = "21600";  // the longest that the instance metadata service gives

S3Credentials environment_sources() {
    S3Credentials sources;
    sources.access_key_id.environment = "AWS_ACCESS_KEY_ID";
    sources.secret_access_key.environment = "AWS_SECRET_ACCESS_KEY";
    sources.session_token.environment = "AWS_SESSION_TOKEN";
    return sources;
}

bool is_given(const S3Credentials& sources) {
    return sources.access_key_id.given() || sources.secret_access_key.given() || sources.session_token.given();
}

// Who may see the authorization token over plain HTTP: this machine and the services' own addresses.
bool may_be_plain(std::string_view host) {
    const std::size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
    host = host.substr(0, colon);
    constexpr std::array<std::string_view, 6> known{"localhost",     "127.0.0.1",      "[::1]",
                                                    "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
    for (const auto address : known) {
        if (host == address) return true;
    }
    return false;
}

}  // namespace

CredentialChain::CredentialChain(S3Credentials given, std::string region, std::optional<std::string> ca_file,
                                 Environment environment)
    : given_(std::move(given)), region_(std::move(region)), environment_(std::move(environment)),
      service_(environment_("AWS_ENDPOINT_URL_STS") ? std::move(ca_file) : std::nullopt) {}

Result<Credentials> CredentialChain::get(SigningTime now, Freshness freshness) {
    if (is_given(given_)) return from_sources(given_);
    if (environment_("AWS_ACCESS_KEY_ID")) return from_sources(environment_sources());
    const bool web_identity = environment_("AWS_WEB_IDENTITY_TOKEN_FILE") && environment_("AWS_ROLE_ARN");
    if (!web_identity) {
        auto shared = from_shared_file();
        if (!shared) return std::unexpected(std::move(shared).error());
        if (*shared) return **std::move(shared);
    }
    if (!web_identity && !names_container() && environment_("AWS_EC2_METADATA_DISABLED") == "true") {
        return fail(FaultKind::refused, "no credentials for S3 are configured",
                    "set archive.credentials.access_key_id_file and secret_access_key_file, or the environment "
                    "variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    const auto fetch = [&] {
        if (web_identity) return from_web_identity();
        return names_container() ? from_container() : from_instance();
    };
    return cache_.get(fetch, freshness, now, random_fraction());
}

bool CredentialChain::names_container() const {
    return environment_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI");
}

Result<Credentials> CredentialChain::from_sources(const S3Credentials& sources) const {
    Credentials credentials;
    const std::array<std::tuple<const SecretSource*, std::string, std::string*>, 3> wanted{{
        {&sources.access_key_id, "the access key id", &credentials.access_key_id},
        {&sources.secret_access_key, "the secret access key", &credentials.secret_access_key},
        {&sources.session_token, "the session token", &credentials.session_token},
    }};
    for (const auto& [source, name, target] : wanted) {
        const bool optional = source == &sources.session_token;
        if (optional && !source->given()) continue;
        if (optional && !is_given(given_) && !environment_("AWS_SESSION_TOKEN")) continue;
        auto value = read_secret(*source, name, environment_);
        if (!value) return std::unexpected(std::move(value).error());
        *target = *std::move(value);
    }
    return credentials;
}

// A file that somebody named must be good; the one at home need not be there.
Result<std::optional<Credentials>> CredentialChain::from_shared_file() const {
    const auto named = environment_("AWS_SHARED_CREDENTIALS_FILE");
    const auto home = environment_("HOME");
    const std::string path = named ? *named : home.value_or("") + "/.aws/credentials";
    if (!named && (!home || access(path.c_str(), R_OK) != 0)) return std::nullopt;
    const auto text = read_secret_file(path);
    if (!text) return std::unexpected(text.error());
    const std::string profile = environment_("AWS_PROFILE").value_or("default");
    auto credentials = parse_shared_credentials(*text, profile);
    if (!credentials && named) {
        return fail(FaultKind::refused, path + " has no access keys for the profile " + profile,
                    "correct AWS_SHARED_CREDENTIALS_FILE or AWS_PROFILE");
    }
    return credentials;
}

Result<Expiring<Credentials>> CredentialChain::from_web_identity() {
    const auto token = read_secret({.file = environment_("AWS_WEB_IDENTITY_TOKEN_FILE"), .environment = {}},
                                   "the web identity token", environment_);
    if (!token) return std::unexpected(token.error());
    const std::string region = environment_("AWS_REGION").value_or(region_);
    const std::string url = environment_("AWS_ENDPOINT_URL_STS").value_or("https://sts." + region + ".amazonaws.com");
    const TokenRequest request{.method = "POST",
                               .url = url + "/",
                               .headers = {"content-type: application/x-www-form-urlencoded", "accept: text/xml"},
                               .body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=" +
                                       encode_uri(environment_("AWS_ROLE_ARN").value_or("")) + "&RoleSessionName=" +
                                       encode_uri(environment_("AWS_ROLE_SESSION_NAME").value_or("pgbosun")) +
                                       "&WebIdentityToken=" + encode_uri(*token)};
    const auto body = service_.ask(request, "AWS STS");
    if (body) return parse_assumed_role(*body);
    Fault fault = body.error();
    if (fault.kind == FaultKind::refused)
        fault.hint = "check AWS_ROLE_ARN, and that the role trusts this service account";
    return std::unexpected(std::move(fault));
}

Result<Expiring<Credentials>> CredentialChain::from_container() {
    const auto relative = environment_("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string url =
        relative ? container_service + *relative : environment_("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
    const auto after_scheme = url.find("://");
    const std::string_view host =
        std::string_view(url).substr(after_scheme == std::string::npos ? 0 : after_scheme + 3);
    const bool safe =
        url.starts_with("https://") || (url.starts_with("http://") && may_be_plain(host.substr(0, host.find('/'))));
    if (!safe) {
        return fail(FaultKind::refused,
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https:// nor an address of this machine");
    }
    TokenRequest request{.url = url, .headers = {"accept: application/json"}, .body = {}, .proxy = Proxy::never};
    const SecretSource source{.file = environment_("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
                              .environment = "AWS_CONTAINER_AUTHORIZATION_TOKEN"};
    if (source.file || environment_(*source.environment)) {
        const auto token = read_secret(source, "the container's authorization token", environment_);
        if (!token) return std::unexpected(token.error());
        request.headers.push_back("authorization: " + *token);
    }
    const auto body = service_.ask(request, "the container's credential service");
    if (!body) return std::unexpected(body.error());
    return parse_metadata_credentials(*body);
}

Result<Expiring<Credentials>> CredentialChain::from_instance() {
    const std::string service = environment_("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or(instance_service);
    const std::string what = "the instance metadata service";
    const auto explained = [](Fault fault) {
        if (fault.hint.empty()) {
            fault.hint =
                "no credentials for S3 are configured: set archive.credentials, or give the machine or the "
                "service account a role";
        }
        return std::unexpected(std::move(fault));
    };
    const auto token =
        service_.ask({.method = "PUT",
                      .url = service + "/latest/api/token",
                      .headers = {std::string("x-aws-ec2-metadata-token-ttl-seconds: ") + token_lifetime_s},
                      .body = {},
                      .proxy = Proxy::never},
                     what);
    if (!token) return explained(token.error());
    const std::string path = service + "/latest/meta-data/iam/security-credentials/";
    TokenRequest request{
        .url = path, .headers = {"x-aws-ec2-metadata-token: " + *token}, .body = {}, .proxy = Proxy::never};
    const auto role = service_.ask(request, what);
    if (!role) return explained(role.error());
    request.url = path + encode_uri(role->substr(0, role->find('\n')));
    const auto body = service_.ask(request, what);
    if (!body) return explained(body.error());
    return parse_metadata_credentials(*body);
}

}  // namespace pgbosun::object_store
