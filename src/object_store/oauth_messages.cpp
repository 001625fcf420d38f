#include "object_store/oauth_messages.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "object_store/digest.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t token_limit = 64 * 1024;
constexpr const char* google_scope = "https://www.googleapis.com/auth/devstorage.read_write";
constexpr std::int64_t assertion_life_s = 3600;
constexpr std::int64_t longest_life_s = 30 * 86'400;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string text_in(const nlohmann::json& document, const char* name) {
    const auto found = document.find(name);
    return found != document.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<std::int64_t> number_in(const nlohmann::json& document, const char* name) {
    const auto found = document.find(name);
    if (found == document.end()) return std::nullopt;
    if (found->is_number_integer()) return found->get<std::int64_t>();
    if (!found->is_string()) return std::nullopt;
    const auto text = found->get<std::string>();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Key private_key(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                           &BIO_free);
    // Without a callback OpenSSL would ask at the terminal for a password.
    const auto no_password = [](char*, int, int, void*) { return 0; };
    return {source ? PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr) : nullptr, &EVP_PKEY_free};
}

std::optional<std::string> rs256(EVP_PKEY* key, std::string_view text) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t size = 0;
    if (!context || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) != 1) {
        return std::nullopt;
    }
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data, text.size()) !=
        1) {
        return std::nullopt;
    }
    signature.resize(size);
    return signature;
}

}  // namespace

Result<Expiring<std::string>> parse_access_token(std::string_view json, SigningTime now) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    const std::string token = document.is_object() ? text_in(document, "access_token") : std::string();
    const auto life = document.is_object() ? number_in(document, "expires_in") : std::nullopt;
    const auto is_printable = [](char c) { return c > ' ' && c < 0x7f; };
    const bool good =
        !token.empty() && token.size() < token_limit && std::all_of(token.begin(), token.end(), is_printable);
    if (!good || !life || *life < 1 || *life > longest_life_s) {
        return fail(FaultKind::corrupt, "the access token that was handed out cannot be read");
    }
    return Expiring<std::string>{token, now + std::chrono::seconds(*life)};
}

Result<ServiceAccount> parse_service_account(std::string_view json) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    ServiceAccount account;
    if (document.is_object()) {
        account = {text_in(document, "client_email"), text_in(document, "private_key"), text_in(document, "token_uri")};
    }
    const bool reachable =
        account.token_url.starts_with("https://") || account.token_url.starts_with("http://127.0.0.1:");
    if (!account.email.empty() && !account.private_key.empty() && reachable) return account;
    return fail(FaultKind::refused, "it is no key file of a Google service account",
                "make one with: gcloud iam service-accounts keys create");
}

Result<std::string> signed_assertion(const ServiceAccount& account, SigningTime now) {
    const std::int64_t issued = now.time_since_epoch().count();
    const nlohmann::json claims{{"iss", account.email},
                                {"scope", google_scope},
                                {"aud", account.token_url},
                                {"iat", issued},
                                {"exp", issued + assertion_life_s}};
    const std::string text = base64_url(R"({"alg":"RS256","typ":"JWT"})") + '.' + base64_url(claims.dump());
    const Key key = private_key(account.private_key);
    const auto signature = key ? rs256(key.get(), text) : std::nullopt;
    if (!signature) return fail(FaultKind::refused, "the private key of the Google service account cannot be used");
    return text + '.' + base64_url(*signature);
}

}  // namespace pgbosun::object_store
