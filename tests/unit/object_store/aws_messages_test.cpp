#include "object_store/aws_messages.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace std::chrono_literals;

TEST_CASE("a time is read as UTC, and nothing that is nearly one") {
    CHECK(parse_utc("1970-01-01T00:00:10Z") == SigningTime(10s));
    CHECK(parse_utc("2026-11-21T10:00:00.123456Z") == parse_utc("2026-11-21T10:00:00Z"));
    CHECK(parse_utc("2026-11-21T10:00:00Z") == SigningTime(1795255200s));

    const auto text = GENERATE("", "2026-11-21", "2026-11-21T10:00:00", "2026-13-21T10:00:00Z", "2026-02-30T10:00:00Z",
                               "2026-11-21T24:00:00Z", "2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00Z ",
                               "2026-11--1T10:00:00Z", "x");
    CAPTURE(text);
    CHECK_FALSE(parse_utc(text));
}

TEST_CASE("credentials in JSON are all there, or there are none") {
    const auto good = parse_metadata_credentials(
        R"({"Code":"Success","AccessKeyId":"id","SecretAccessKey":"secret","Token":"token","Expiration":"1970-01-01T00:00:10Z"})");
    REQUIRE(good);
    CHECK(good->value.access_key_id == "id");
    CHECK(good->value.secret_access_key == "secret");
    CHECK(good->value.session_token == "token");
    CHECK(good->expires == SigningTime(10s));

    const auto text = GENERATE(
        "", "{}", "[]", "null", "{\"AccessKeyId\":\"id\"}",
        R"({"AccessKeyId":"id","SecretAccessKey":"secret","Token":"token"})",
        R"({"AccessKeyId":"id","SecretAccessKey":"","Token":"token","Expiration":"1970-01-01T00:00:10Z"})",
        R"({"AccessKeyId":"id","SecretAccessKey":7,"Token":"token","Expiration":"1970-01-01T00:00:10Z"})",
        R"({"AccessKeyId":"id","SecretAccessKey":"hush hush","Token":"t","Expiration":"1970-01-01T00:00:10Z"})",
        R"({"AccessKeyId":"id","SecretAccessKey":"secret","Token":"token","Expiration":"soon"})");
    CAPTURE(text);
    const auto bad = parse_metadata_credentials(text);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().kind == FaultKind::corrupt);
    CHECK(bad.error().text().find("hush") == std::string::npos);
}

TEST_CASE("an assumed role is read from STS' document") {
    const auto good = parse_assumed_role(
        "<AssumeRoleWithWebIdentityResponse "
        "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>"
        "<Credentials><SessionToken>t+/=</SessionToken><SecretAccessKey>s</"
        "SecretAccessKey><Expiration>1970-01-01T00:00:10Z"
        "</Expiration><AccessKeyId>i</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></"
        "AssumeRoleWithWebIdentityResponse>");
    REQUIRE(good);
    CHECK(good->value.session_token == "t+/=");
    CHECK(good->expires == SigningTime(10s));

    CHECK_FALSE(parse_assumed_role(""));
    CHECK_FALSE(parse_assumed_role("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"));
    CHECK_FALSE(parse_assumed_role("<AssumeRoleWithWebIdentityResponse/>"));
}

TEST_CASE("a profile's keys come from its section alone") {
    const std::string text =
        "# mine\n[default]\naws_access_key_id = one\naws_secret_access_key=a/b+c=\r\n\n[ other ]\n"
        "aws_access_key_id=two\naws_secret_access_key = s\naws_session_token = t\nregion = "
        "x\n[half]\naws_access_key_id=three\n";

    const auto usual = parse_shared_credentials(text, "default");
    const auto other = parse_shared_credentials(text, "other");

    REQUIRE(usual);
    CHECK(usual->access_key_id == "one");
    CHECK(usual->secret_access_key == "a/b+c=");
    CHECK(usual->session_token.empty());
    REQUIRE(other);
    CHECK(other->session_token == "t");
    CHECK_FALSE(parse_shared_credentials(text, "half"));
    CHECK_FALSE(parse_shared_credentials(text, "Default"));
    CHECK_FALSE(parse_shared_credentials("", "default"));
}
