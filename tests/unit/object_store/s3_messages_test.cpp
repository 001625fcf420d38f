#include "object_store/s3_messages.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;

namespace {

std::string listing(const std::string& inside) {
    return "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">" + inside + "</ListBucketResult>";
}

}  // namespace

TEST_CASE("an error document tells its code and a bounded line") {
    const auto error = parse_error("<Error><Code>SlowDown</Code><Message>please\nwait" + std::string(9999, '!') +
                                   "</Message></Error>");

    CHECK(error.code == "SlowDown");
    CHECK(error.message.starts_with("please wait!!"));
    CHECK(error.message.size() == 300);
}

TEST_CASE("what is no error document of S3 has no code") {
    for (const char* body : {"", "<html><body>404</body></html>", "<Error/>", "<Error><Code></Code></Error>",
                             "<Error><Code>no such</Code></Error>", "<Error><Code>NoSuchKey", "{}"}) {
        CAPTURE(body);
        CHECK(parse_error(body).code.empty());
    }
}

TEST_CASE("a listing's keys are decoded as it says they are encoded") {
    const auto encoded = parse_listing(
        listing("<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><Contents><Key>a%2Bb+c</Key>"
                "<Size>18446744073709551615</Size></Contents><CommonPrefixes><Prefix>d%2F</Prefix></CommonPrefixes>"));
    const auto plain =
        parse_listing(listing("<IsTruncated>false</IsTruncated><Contents><Key>a%2Bb+c &amp; d</Key>"
                              "<LastModified>2026-11-21T10:00:00.500Z</LastModified><Size>0</Size></Contents>"));
    CHECK(plain->objects.front().modified ==
          std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(10));
    CHECK_FALSE(encoded->objects.front().modified);

    REQUIRE(encoded);
    CHECK(encoded->objects.front().key == "a+b c");
    CHECK(encoded->objects.front().size == 18446744073709551615ULL);
    CHECK(encoded->prefixes.front() == "d/");
    CHECK(encoded->more == S3Page::More::yes);
    REQUIRE(plain);
    CHECK(plain->objects.front().key == "a%2Bb+c & d");
    CHECK(plain->more == S3Page::More::no);
}

TEST_CASE("a damaged listing is corrupt, never an empty one") {
    const std::string end = "<IsTruncated>false</IsTruncated>";
    std::string many = end;
    for (int n = 0; n < 1001; ++n) many += "<Contents><Key>k</Key><Size>1</Size></Contents>";
    const std::vector<std::string> bodies{
        "",
        "<html/>",
        "<ListBucketResult>",
        listing(""),
        listing("<IsTruncated>maybe</IsTruncated>"),
        listing(many),
        listing(end + "<Contents><Key>k</Key></Contents>"),
        listing(end + "<Contents><Size>1</Size></Contents>"),
        listing(end + "<Contents><Key>k</Key><Size>-1</Size></Contents>"),
        listing(end + "<Contents><Key>k</Key><Size>18446744073709551616</Size></Contents>"),
        listing(end + "<Contents><Key>k</Key><Size>1x</Size></Contents>"),
        listing(end + "<EncodingType>url</EncodingType><Contents><Key>%</Key><Size>1</Size></Contents>"),
        listing(end + "<CommonPrefixes/>")};
    for (const auto& body : bodies) {
        CAPTURE(body.substr(0, 200));
        const auto page = parse_listing(body);
        REQUIRE_FALSE(page);
        CHECK(page.error().kind == FaultKind::corrupt);
    }
}

TEST_CASE("a deletion names its keys, and its answer the first that stayed") {
    CHECK(delete_request({"a<b>&c"}).find("<Object><Key>a&lt;b&gt;&amp;c</Key></Object>") != std::string::npos);

    const auto all = parse_delete_result("<DeleteResult/>");
    const auto one = parse_delete_result(
        "<DeleteResult><Error><Code>NoSuchKey</Code></Error><Error><Key>k</Key><Code>AccessDenied</Code></Error></"
        "DeleteResult>");
    const auto damaged = parse_delete_result("<html/>");

    REQUIRE(all);
    CHECK_FALSE(*all);
    REQUIRE(one);
    CHECK((*one)->code == "AccessDenied");
    CHECK_FALSE(damaged);
}
