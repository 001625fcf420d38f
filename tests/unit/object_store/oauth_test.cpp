// OAuth as Google and Microsoft document it, against token endpoints that are scripted.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <fstream>
#include <map>

#include "object_store/azure_credentials.hpp"
#include "object_store/digest.hpp"
#include "object_store/google_tokens.hpp"
#include "support/catch.hpp"
#include "support/scripted_http.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

const SigningTime t0{1795255200s};

using Variables = std::map<std::string, std::string>;

Environment environment(const Variables& variables) {
    return [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

std::string token_answer(const std::string& token) {
    return R"({"access_token":")" + token + R"(","expires_in":3600})";
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key new_key() { return {EVP_RSA_gen(2048), &EVP_PKEY_free}; }

// As it stands in JSON: a line's end is \n in two characters.
std::string pem_of(EVP_PKEY* key) {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(memory, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string text;
    for (const char c : std::string_view(data, static_cast<std::size_t>(size)))
        text += c == '\n' ? std::string("\\n") : std::string(1, c);
    BIO_free(memory);
    return text;
}

std::string from_base64_url(std::string text) {
    for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    while (text.size() % 4 != 0) text += '=';
    const auto bytes = decode_base64(text);
    REQUIRE(bytes);
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

bool is_signed_by(EVP_PKEY* key, const std::string& text, const std::string& signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key);
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

}  // namespace

TEST_CASE("an access token is read with its life as a number or as text, and nothing that is nearly one") {
    CHECK(parse_access_token(R"({"access_token":"t","expires_in":60})", t0)->expires == t0 + 60s);
    CHECK(parse_access_token(R"({"access_token":"t","expires_in":"60","resource":"x"})", t0)->expires == t0 + 60s);

    const auto text =
        GENERATE("", "[]", "{}", R"({"access_token":"t"})", R"({"access_token":"","expires_in":60})",
                 R"({"access_token":"t","expires_in":0})", R"({"access_token":"hush hush","expires_in":60})",
                 R"({"access_token":"t","expires_in":"soon"})", R"({"access_token":"t","expires_in":99999999999})",
                 R"({"access_token":7,"expires_in":60})");
    CAPTURE(text);
    const auto token = parse_access_token(text, t0);
    REQUIRE_FALSE(token);
    CHECK(token.error().text().find("hush") == std::string::npos);
}

TEST_CASE("a service account's key signs an assertion that Google exchanges for a token") {
    const TemporaryDirectory place;
    const Key key = new_key();
    const ScriptedHttp google(
        [](const ScriptedRequest&) { return ScriptedReply::with("200 OK", token_answer("from-google")); });
    write(place.path() + "/account", R"({"type":"service_account","client_email":"me@example","private_key":")" +
                                         pem_of(key.get()) + R"(","token_uri":")" + google.url() + R"(/token"})");
    GoogleTokens tokens({.file = place.path() + "/account", .environment = {}}, environment({}));

    const auto token = tokens.get(t0, Freshness::as_known);
    REQUIRE(tokens.get(t0 + 50min, Freshness::as_known));

    INFO((token ? "" : token.error().text()));
    REQUIRE(token);
    CHECK(*token == "from-google");
    REQUIRE(google.requests().size() == 1);
    const auto request = google.requests().front();
    const std::string start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    REQUIRE(request.body.starts_with(start));
    const std::string jwt = request.body.substr(start.size());
    const auto claims_at = jwt.find('.') + 1;
    const auto signature_at = jwt.find('.', claims_at) + 1;
    const std::string claims = from_base64_url(jwt.substr(claims_at, signature_at - 1 - claims_at));
    CHECK(claims.find(R"("iss":"me@example")") != std::string::npos);
    CHECK(claims.find(R"("exp":1795258800)") != std::string::npos);
    CHECK(claims.find(R"("aud":")" + google.url() + "/token") != std::string::npos);
    CHECK(from_base64_url(jwt.substr(0, claims_at - 1)) == R"({"alg":"RS256","typ":"JWT"})");
    CHECK(is_signed_by(key.get(), jwt.substr(0, signature_at - 1), from_base64_url(jwt.substr(signature_at))));
}

TEST_CASE("a service account's file that is none, or has no usable key, is refused without its text") {
    const TemporaryDirectory place;
    const auto text =
        GENERATE("", "{}", R"({"client_email":"e","private_key":"hush","token_uri":"https://example.com"})",
                 R"({"client_email":"e","private_key":"hush","token_uri":"http://example.com"})");
    CAPTURE(text);
    write(place.path() + "/account", text);
    GoogleTokens tokens({}, environment({{"GOOGLE_APPLICATION_CREDENTIALS", place.path() + "/account"}}));

    const auto token = tokens.get(t0, Freshness::as_known);

    REQUIRE_FALSE(token);
    CHECK(token.error().kind == FaultKind::refused);
    CHECK(token.error().text().find("hush") == std::string::npos);
}

TEST_CASE("Azure: what the settings name comes before the environment, and a token is the last resort") {
    const TemporaryDirectory place;
    const ScriptedHttp service([](const ScriptedRequest& request) {
        const bool good =
            request.headers.contains("metadata") && request.query.at("resource") == "https://storage.azure.com/" &&
            request.query.at("api-version") == "2018-02-01" && request.path == "/metadata/identity/oauth2/token";
        return ScriptedReply::with(good ? "200 OK" : "400 Bad Request", token_answer("managed"));
    });
    AzureCredentials given;
    given.account_key.environment = "KEY";
    Variables variables{{"KEY", "AQID"},
                        {"AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x"},
                        {"AZURE_POD_IDENTITY_AUTHORITY_HOST", service.url()},
                        {"AZURE_STORAGE_CONNECTION_STRING", "AccountName=a;AccountKey=BAUG;EndpointSuffix=x"}};
    const auto got = [&](const AzureCredentials& from) {
        return AzureCredentialChain(from, environment(variables)).get(t0, Freshness::as_known);
    };

    const auto ours = got(given);
    REQUIRE(ours);
    CHECK(std::get<AccountKey>(*ours).bytes == std::vector<std::byte>{std::byte{1}, std::byte{2}, std::byte{3}});
    const auto connection = got({});
    REQUIRE(connection);
    CHECK(std::get<AccountKey>(*connection).bytes.front() == std::byte{4});
    variables.erase("AZURE_STORAGE_CONNECTION_STRING");
    const auto sas = got({});
    REQUIRE(sas);
    CHECK(std::get<SharedAccessSignature>(*sas).query == "sv=1&sig=x");
    variables.erase("AZURE_STORAGE_SAS_TOKEN");
    const auto token = got({});
    REQUIRE(token);
    CHECK(std::get<AzureToken>(*token).text == "managed");
}

TEST_CASE("Azure: a workload identity's token is exchanged, and read anew each time") {
    const TemporaryDirectory place;
    const ScriptedHttp entra([](const ScriptedRequest& request) {
        return ScriptedReply::with("200 OK",
                                   token_answer(request.body.substr(request.body.find("&client_assertion=") + 18)));
    });
    write(place.path() + "/token", "first\n");
    AzureCredentialChain chain({}, environment({{"AZURE_FEDERATED_TOKEN_FILE", place.path() + "/token"},
                                                {"AZURE_CLIENT_ID", "client"},
                                                {"AZURE_TENANT_ID", "tenant"},
                                                {"AZURE_AUTHORITY_HOST", entra.url()}}));

    const auto first = chain.get(t0, Freshness::as_known);
    write(place.path() + "/token", "second");
    const auto second = chain.get(t0 + 58min, Freshness::as_known);

    REQUIRE(first);
    CHECK(std::get<AzureToken>(*first).text == "first");
    REQUIRE(second);
    CHECK(std::get<AzureToken>(*second).text == "second");
    const auto request = entra.requests().front();
    CHECK(request.path == "/tenant/oauth2/v2.0/token");
    CHECK(request.body ==
          "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fstorage.azure.com%2F.default&client_"
          "assertion_type="
          "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=first");
}
