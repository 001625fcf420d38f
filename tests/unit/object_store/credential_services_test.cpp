// The credential chain against services that answer as AWS documents them.
#include <filesystem>
#include <fstream>

#include "object_store/credentials.hpp"
#include "support/catch.hpp"
#include "support/scripted_http.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

const SigningTime t0{1795255200s};  // 2026-11-21T10:00:00Z

using Variables = std::map<std::string, std::string>;

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::trunc) << text; }

std::string json(const std::string& id) {
    return R"({"AccessKeyId":")" + id +
           R"(","SecretAccessKey":"secret","Token":"token","Expiration":"2026-11-21T11:00:00Z"})";
}

CredentialChain chain(const Variables& variables, const S3Credentials& given = {}) {
    return {given, "eu-west-3", std::nullopt, [variables](const std::string& name) -> std::optional<std::string> {
                const auto found = variables.find(name);
                return found == variables.end() ? std::nullopt : std::optional(found->second);
            }};
}

std::string header(const ScriptedRequest& request, const std::string& name) {
    const auto found = request.headers.find(name);
    return found == request.headers.end() ? "" : found->second;
}

std::string id_of(const Result<Credentials>& credentials) {
    INFO((credentials ? "" : credentials.error().text()));
    REQUIRE(credentials);
    return credentials->access_key_id;
}

// Instance metadata, version 2 only.
ScriptedReply instance(const ScriptedRequest& request) {
    if (request.method == "PUT" && request.path == "/latest/api/token") {
        return ScriptedReply::with(
            header(request, "x-aws-ec2-metadata-token-ttl-seconds") == "21600" ? "200 OK" : "400 Bad",
            "metadata-token");
    }
    if (header(request, "x-aws-ec2-metadata-token") != "metadata-token")
        return ScriptedReply::with("401 Unauthorized", "");
    if (request.path == "/latest/meta-data/iam/security-credentials/")
        return ScriptedReply::with("200 OK", "the-role\n");
    if (request.path == "/latest/meta-data/iam/security-credentials/the-role")
        return ScriptedReply::with("200 OK", json("instance"));
    return ScriptedReply::with("404 Not Found", "");
}

}  // namespace

TEST_CASE("an instance's role is asked for with a session token, and kept until it is about to expire") {
    const ScriptedHttp service(instance);
    auto credentials = chain({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", service.url()}});

    CHECK(id_of(credentials.get(t0, Freshness::as_known)) == "instance");
    CHECK(id_of(credentials.get(t0 + 50min, Freshness::as_known)) == "instance");
    CHECK(service.requests().size() == 3);
    CHECK(id_of(credentials.get(t0 + 56min, Freshness::as_known)) == "instance");
    CHECK(service.requests().size() == 6);
    CHECK(id_of(credentials.get(t0 + 57min, Freshness::renewed)) == "instance");
    CHECK(service.requests().size() == 9);
}

TEST_CASE("a container's service is asked with the token of a file that is read anew each time") {
    const TemporaryDirectory place;
    const ScriptedHttp service([](const ScriptedRequest& request) {
        return ScriptedReply::with("200 OK", json(header(request, "authorization")));
    });
    write(place.path() + "/token", "first\n");
    auto credentials = chain({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", service.url() + "/v1/credentials"},
                              {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", place.path() + "/token"},
                              {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "not-this"}});

    CHECK(id_of(credentials.get(t0, Freshness::as_known)) == "first");
    write(place.path() + "/token", "second");
    CHECK(id_of(credentials.get(t0 + 1min, Freshness::as_known)) == "first");
    CHECK(id_of(credentials.get(t0 + 59min, Freshness::as_known)) == "second");
    CHECK(service.requests().front().path == "/v1/credentials");
}

TEST_CASE("a container's token goes to no other machine in the clear") {
    const auto url =
        GENERATE("http://169.254.170.24/v1", "http://example.com/v1", "http://127.0.0.1.example.com/",
                 "http://localhost@example.com/", "ftp://127.0.0.1/", "127.0.0.1", "http://[::1].example.com/");
    CAPTURE(url);
    auto credentials =
        chain({{"AWS_CONTAINER_CREDENTIALS_FULL_URI", url}, {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "hush"}});

    const auto got = credentials.get(t0, Freshness::as_known);

    REQUIRE_FALSE(got);
    CHECK(got.error().kind == FaultKind::refused);
    CHECK(got.error().text().find("hush") == std::string::npos);
}

TEST_CASE("a web identity is exchanged for a role's credentials, its token read anew each time") {
    const TemporaryDirectory place;
    const ScriptedHttp sts([](const ScriptedRequest& request) {
        const auto token = request.body.substr(request.body.find("WebIdentityToken=") + 17);
        return ScriptedReply::with(
            "200 OK",
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
            "<AccessKeyId>" +
                token +
                "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
                "<Expiration>2026-11-21T11:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                "</AssumeRoleWithWebIdentityResponse>");
    });
    write(place.path() + "/token", "first.a_b-c\n");
    auto credentials = chain({{"AWS_WEB_IDENTITY_TOKEN_FILE", place.path() + "/token"},
                              {"AWS_ROLE_ARN", "arn:aws:iam::1:role/r"},
                              {"AWS_ENDPOINT_URL_STS", sts.url()}});

    CHECK(id_of(credentials.get(t0, Freshness::as_known)) == "first.a_b-c");
    write(place.path() + "/token", "second");
    CHECK(id_of(credentials.get(t0 + 59min, Freshness::as_known)) == "second");
    const auto request = sts.requests().front();
    CHECK(request.method == "POST");
    CHECK(request.body ==
          "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"
          "RoleSessionName=pgbosun&WebIdentityToken=first.a_b-c");
    CHECK(header(request, "content-type") == "application/x-www-form-urlencoded");
}

TEST_CASE("a service that says no is refused, one that is broken is asked again, and neither is quoted") {
    const TemporaryDirectory place;
    write(place.path() + "/token", "hush");
    int calls = 0;
    const std::string status = GENERATE("403 Forbidden", "500 Broken", "429 Later");
    CAPTURE(status);
    const ScriptedHttp sts([&](const ScriptedRequest& request) {
        ++calls;
        return ScriptedReply::with(status, request.body);
    });
    auto credentials = chain({{"AWS_WEB_IDENTITY_TOKEN_FILE", place.path() + "/token"},
                              {"AWS_ROLE_ARN", "r"},
                              {"AWS_ENDPOINT_URL_STS", sts.url()}});

    const auto got = credentials.get(t0, Freshness::as_known);

    REQUIRE_FALSE(got);
    CHECK(got.error().kind == (status == "403 Forbidden" ? FaultKind::refused : FaultKind::unavailable));
    CHECK(calls == (status == "403 Forbidden" ? 1 : TokenService::attempts));
    CHECK(got.error().text().find("hush") == std::string::npos);
}

TEST_CASE("the first source that is configured is the one, in the order of AWS' SDKs") {
    const TemporaryDirectory place;
    const ScriptedHttp container(
        [](const ScriptedRequest&) { return ScriptedReply::with("200 OK", json("container")); });
    const ScriptedHttp sts([](const ScriptedRequest&) {
        return ScriptedReply::with(
            "200 OK",
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>web"
            "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>"
            "2026-11-21T11:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></"
            "AssumeRoleWithWebIdentityResponse>");
    });
    const ScriptedHttp metadata(instance);
    write(place.path() + "/shared",
          "[default]\naws_access_key_id=shared\naws_secret_access_key=s\n[p]\naws_access_key_id=profile\naws_secret_"
          "access_key=s\n");
    write(place.path() + "/token", "t");
    write(place.path() + "/id", "static");
    S3Credentials given;
    given.access_key_id.file = given.secret_access_key.file = place.path() + "/id";
    Variables variables{{"AWS_ACCESS_KEY_ID", "environment"},
                        {"AWS_SECRET_ACCESS_KEY", "s"},
                        {"AWS_WEB_IDENTITY_TOKEN_FILE", place.path() + "/token"},
                        {"AWS_ROLE_ARN", "r"},
                        {"AWS_ENDPOINT_URL_STS", sts.url()},
                        {"AWS_SHARED_CREDENTIALS_FILE", place.path() + "/shared"},
                        {"AWS_PROFILE", "p"},
                        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url()},
                        {"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url()}};
    const auto without = [&](const std::vector<std::string>& names) {
        for (const auto& name : names) variables.erase(name);
        return id_of(chain(variables).get(t0, Freshness::as_known));
    };

    CHECK(id_of(chain(variables, given).get(t0, Freshness::as_known)) == "static");
    CHECK(without({}) == "environment");
    CHECK(without({"AWS_ACCESS_KEY_ID"}) == "web");
    CHECK(without({"AWS_ROLE_ARN"}) == "profile");
    CHECK(without({"AWS_PROFILE"}) == "shared");
    CHECK(without({"AWS_SHARED_CREDENTIALS_FILE"}) == "container");
    CHECK(without({"AWS_CONTAINER_CREDENTIALS_FULL_URI"}) == "instance");
}

TEST_CASE("a shared file that somebody named must have the profile; the one at home need not") {
    const TemporaryDirectory place;
    const ScriptedHttp metadata(instance);
    std::filesystem::create_directory(place.path() + "/.aws");
    write(place.path() + "/.aws/credentials", "[default]\naws_access_key_id=home\naws_secret_access_key=s\n");
    Variables variables{{"HOME", place.path()}, {"AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url()}};

    CHECK(id_of(chain(variables).get(t0, Freshness::as_known)) == "home");
    variables["AWS_PROFILE"] = "other";
    CHECK(id_of(chain(variables).get(t0, Freshness::as_known)) == "instance");
    variables["AWS_SHARED_CREDENTIALS_FILE"] = place.path() + "/.aws/credentials";
    const auto refused = chain(variables).get(t0, Freshness::as_known);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == FaultKind::refused);
    variables["AWS_SHARED_CREDENTIALS_FILE"] = place.path() + "/nowhere";
    const auto gone = chain(variables).get(t0, Freshness::as_known);
    REQUIRE_FALSE(gone);
    CHECK(gone.error().kind == FaultKind::unavailable);
}
