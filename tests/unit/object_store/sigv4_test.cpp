// AWS's own examples: the Signature Version 4 test suite (service "service"), and the Amazon S3 API reference,
// "Signature calculations for the Authorization header: transferring payload in a single chunk".
#include <algorithm>

#include "object_store/digest.hpp"
#include "object_store/s3_request.hpp"
#include "object_store/sigv4.hpp"
#include "object_store/uri.hpp"
#include "support/catch.hpp"

using namespace pgbosun::object_store;

namespace {

const std::string empty_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature(const std::string& authorization) { return authorization.substr(authorization.rfind('=') + 1); }

SigningTime at(int year, unsigned month, unsigned day, int hour, int minute) {
    return std::chrono::sys_days(std::chrono::year(year) / month / day) + std::chrono::hours(hour) +
           std::chrono::minutes(minute);
}

const Credentials suite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
const Credentials s3_example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};

}  // namespace

TEST_CASE("the requests of AWS's test suite get the published signatures") {
    struct Row {
        std::string name;
        RequestToSign request;
        std::string signature;
    };
    const std::pair<std::string, std::string> host{"host", "example.amazonaws.com"};
    const std::pair<std::string, std::string> date{"x-amz-date", "20150830T123600Z"};
    const std::vector<Row> rows{
        {"get-vanilla",
         {"GET", "/", {}, {host, date}, empty_hash},
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"post-vanilla",
         {"POST", "/", {}, {host, date}, empty_hash},
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"get-vanilla-query-order-key-case",
         {"GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}, {host, date}, empty_hash},
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"get-vanilla-utf8-query",
         {"GET", "/", {{"\u1234", "bar"}}, {host, date}, empty_hash},
         "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
        {"get-utf8",
         {"GET", "/\u1234", {}, {host, date}, empty_hash},
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
        {"get-header-value-trim",
         {"GET", "/", {}, {date, host, {"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}}, empty_hash},
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    };
    for (const auto& row : rows) {
        INFO(row.name);
        const auto text = authorization(row.request, suite, {"us-east-1", "service"}, at(2015, 8, 30, 12, 36));
        CHECK(signature(text) == row.signature);
        CHECK(
            text.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                             "SignedHeaders=host;"));
    }
}

TEST_CASE("the examples of the S3 reference get the published signatures") {
    const auto when = at(2013, 5, 24, 0, 0);
    const std::string body_hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const auto sign = [&](RequestToSign request) {
        request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
        request.headers.emplace_back("x-amz-date", amz_date(when));
        request.headers.emplace_back("x-amz-content-sha256", request.payload_hash);
        return signature(authorization(request, s3_example, {"us-east-1", "s3"}, when));
    };

    CHECK(sha256_hex("Welcome to Amazon S3.") == body_hash);
    CHECK(sign({"GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, empty_hash}) ==
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(sign({"PUT",
                "/test$file.text",
                {},
                {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                body_hash}) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(sign({"GET", "/", {{"lifecycle", ""}}, {}, empty_hash}) ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(sign({"GET", "/", {{"max-keys", "2"}, {"prefix", "J"}}, {}, empty_hash}) ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("a bucket is addressed by path or by host, and a session token is signed") {
    S3Address address{.endpoint = {"https", "s3.example.com:9000", "/base"}, .bucket = "wal", .region = "r"};
    const S3Operation operation{
        .method = "GET", .key = "a b/\u00fc+c", .query = {}, .headers = {}, .body = {}, .payload_hash = empty_hash};

    const auto by_path = signed_request(address, operation, Credentials{"id", "secret", "token"}, SigningTime{});
    address.addressing = Addressing::virtual_host;
    const auto by_host = signed_request(address, operation, Credentials{"id", "secret", ""}, SigningTime{});

    CHECK(by_path.url == "https://s3.example.com:9000/base/wal/a%20b/%C3%BC%2Bc");
    CHECK(by_host.url == "https://wal.s3.example.com:9000/base/a%20b/%C3%BC%2Bc");
    CHECK(std::count(by_path.headers.begin(), by_path.headers.end(), "x-amz-security-token: token") == 1);
    CHECK(std::count(by_host.headers.begin(), by_host.headers.end(), "host: wal.s3.example.com:9000") == 1);
    for (const auto& header : by_path.headers) {
        CHECK(header.find("secret") == std::string::npos);
        if (header.starts_with("authorization")) {
            CHECK(header.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token") !=
                  std::string::npos);
        }
    }
}

TEST_CASE("percent-encoding is undone, and refused where it is broken") {
    CHECK(decode_uri("a%2Fb+c%20d") == "a/b c d");
    CHECK(decode_uri(encode_uri("\x01 +/%\xff")) == "\x01 +/%\xff");
    for (const char* broken : {"%", "%2", "a%zz", "%2g"}) CHECK_FALSE(decode_uri(broken));
}

TEST_CASE("Google's names are Google's alone, with keys and with a token") {
    const S3Address address{.endpoint = {"https", "storage.googleapis.com", ""},
                            .bucket = "bucket",
                            .region = "auto",
                            .flavour = Flavour::google};
    const S3Operation operation{.method = "PUT",
                                .key = "a",
                                .query = {},
                                .headers = {names_of(Flavour::google).if_absent},
                                .body = {},
                                .payload_hash = sha256_hex("")};
    const auto lines = [&](const Authentication& who) {
        std::string all;
        for (const auto& header : signed_request(address, operation, who, SigningTime{}).headers) all += header + '\n';
        return all;
    };

    const auto with_keys = lines(Credentials{"id", "secret", ""});
    const auto with_token = lines(BearerToken{"t"});

    CHECK(with_keys.find("authorization: GOOG4-HMAC-SHA256 Credential=id/19700101/auto/storage/goog4_request, "
                         "SignedHeaders=host;x-goog-content-sha256;"
                         "x-goog-date;x-goog-if-generation-match, Signature=") != std::string::npos);
    CHECK(with_keys.find("x-amz-") == std::string::npos);
    CHECK(with_token.find("authorization: Bearer t\n") != std::string::npos);
    CHECK(with_token.find("x-goog-date") == std::string::npos);
    CHECK(with_token.find("x-goog-if-generation-match: 0\n") != std::string::npos);
}
