#include "object_store/azure_request.hpp"

#include "object_store/azure_messages.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;
using namespace std::chrono_literals;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

AzureAddress address() {
    return {.endpoint = *parse_endpoint("https://acc.blob.core.windows.net"), .account = "acc", .container = "con"};
}

std::string header(const HttpRequest& request, const std::string& name) {
    for (const auto& line : request.headers) {
        if (line.starts_with(name + ": ")) return line.substr(name.size() + 2);
    }
    return "";
}

}  // namespace

TEST_CASE("a date is written as HTTP wants it") {
    CHECK(http_date(SigningTime(0s)) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(http_date(SigningTime(1795255205s)) == "Sat, 21 Nov 2026 10:00:05 GMT");
}

TEST_CASE("what an account's key signs is the documented text") {
    const AzureOperation operation{.method = "PUT",
                                   .blob = "a b/c",
                                   .query = {{"comp", "block"}, {"blockid", "AA=="}},
                                   .headers = {},
                                   .body = bytes("body")};

    const auto text = string_to_sign(address(), operation,
                                     {{"x-ms-version", "2021-08-06"},
                                      {"if-none-match", "*"},
                                      {"content-type", "x/y"},
                                      {"x-ms-date", "D"},
                                      {"x-ms-meta-a", "v"}});

    CHECK(text ==
          "PUT\n\n\n4\n\nx/y\n\n\n\n*\n\n\nx-ms-date:D\nx-ms-meta-a:v\nx-ms-version:2021-08-06\n/acc/con/a%20b/"
          "c\nblockid:AA==\ncomp:block");
}

TEST_CASE("a request carries a key's signature, a token, or a shared access signature in its address") {
    const AzureOperation operation{
        .method = "GET", .blob = {}, .query = {{"restype", "container"}, {"comp", "list"}}, .headers = {}, .body = {}};

    const auto with_key = authorized_request(address(), operation, AccountKey{{std::byte{1}}}, SigningTime(0s));
    const auto with_token = authorized_request(address(), operation, AzureToken{"t"}, SigningTime(0s));
    const auto with_sas =
        authorized_request(address(), operation, SharedAccessSignature{"sv=1&sig=a%2Bb"}, SigningTime(0s));

    CHECK(with_key.url == "https://acc.blob.core.windows.net/con?comp=list&restype=container");
    CHECK(header(with_key, "authorization").starts_with("SharedKey acc:"));
    CHECK(header(with_token, "authorization") == "Bearer t");
    CHECK(header(with_sas, "authorization").empty());
    CHECK(with_sas.url == "https://acc.blob.core.windows.net/con?comp=list&restype=container&sv=1&sig=a%2Bb");
}

TEST_CASE("a listing of blobs is read, and nothing that is nearly one") {
    const auto page = parse_blob_listing(
        "\xef\xbb\xbf<?xml version=\"1.0\" "
        "encoding=\"utf-8\"?><EnumerationResults><Blobs><Blob><Name>a&amp;b/c</Name><Properties>"
        "<Last-Modified>Sat, 21 Nov 2026 10:00:07 "
        "GMT</Last-Modified><Content-Length>7</Content-Length></Properties></Blob><BlobPrefix><Name>d/</Name></"
        "BlobPrefix></"
        "Blobs><NextMarker>m</NextMarker></EnumerationResults>");
    REQUIRE(page);
    CHECK(page->objects.front().key == "a&b/c");
    CHECK(page->objects.front().size == 7);
    CHECK(page->objects.front().modified ==
          std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(10) + std::chrono::seconds(7));
    CHECK(page->prefixes == std::vector<std::string>{"d/"});
    CHECK(page->token == "m");
    CHECK(parse_blob_listing("<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")->more ==
          S3Page::More::no);

    const auto text = GENERATE("", "<a/>", "<EnumerationResults><Blobs><Blob/></Blobs></EnumerationResults>",
                               "<EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs></EnumerationResults>",
                               "<EnumerationResults><Blobs><BlobPrefix/></Blobs></EnumerationResults>");
    CAPTURE(text);
    CHECK_FALSE(parse_blob_listing(text));
}

TEST_CASE("a connection string has a key or a signature") {
    const auto key = parse_connection_string(
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=ab+/==;EndpointSuffix=core.windows.net");
    REQUIRE(key);
    CHECK(key->account_key == "ab+/==");
    const auto sas = parse_connection_string("BlobEndpoint=https://x;SharedAccessSignature=sv=1&sig=b%3D");
    REQUIRE(sas);
    CHECK(sas->sas == "sv=1&sig=b%3D");
    CHECK_FALSE(parse_connection_string(""));
    CHECK_FALSE(parse_connection_string("AccountName=a;AccountKey="));
}
