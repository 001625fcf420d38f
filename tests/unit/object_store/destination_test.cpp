#include "object_store/destination.hpp"
#include "object_store/open.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;

TEST_CASE("a directory's URL") {
    struct Row {
        const char* url;
        const char* path;  // null: refused
    };
    const auto row = GENERATE(Row{"file:///var/archive", "/var/archive"}, Row{"file:///var/archive/", "/var/archive"},
                              Row{"file:///a b", "/a b"}, Row{"file://var/archive", nullptr}, Row{"file:///", nullptr},
                              Row{"file://", nullptr}, Row{"file:///a/../b", nullptr}, Row{"file:///a/./b", nullptr},
                              Row{"file:///a//b", nullptr}, Row{"file:///a\nb", nullptr}, Row{"file:/a", nullptr},
                              Row{"FILE:///a", nullptr}, Row{"/var/archive", nullptr}, Row{"", nullptr});
    CAPTURE(row.url);

    const auto destination = parse_destination(row.url);

    REQUIRE(destination.has_value() == (row.path != nullptr));
    if (destination) CHECK(std::get<DirectoryDestination>(*destination).path == row.path);
    if (!destination) CHECK(destination.error().kind == FaultKind::refused);
    if (!destination) CHECK_FALSE(destination.error().hint.empty());
}

TEST_CASE("a bucket's URL") {
    struct Row {
        const char* url;
        const char* bucket;  // null: refused
        const char* prefix;
    };
    const auto row = GENERATE(
        Row{"s3://bucket", "bucket", ""}, Row{"s3://bucket/", "bucket", ""},
        Row{"s3://my-bucket.2/a/b", "my-bucket.2", "a/b/"}, Row{"s3://bucket/a/", "bucket", "a/"},
        Row{"s3:///a", nullptr, ""}, Row{"s3://", nullptr, ""}, Row{"s3://ab", nullptr, ""},
        Row{"s3://bu cket", nullptr, ""}, Row{"s3://user@bucket", nullptr, ""}, Row{"s3://bucket:9000/a", nullptr, ""},
        Row{"s3://bucket//a", nullptr, ""}, Row{"s3://bucket/a//b", nullptr, ""}, Row{"s3://bucket/../b", nullptr, ""},
        Row{"s3://bucket/a?x=y", nullptr, ""}, Row{"s3://.bucket", nullptr, ""}, Row{"ftp://bucket", nullptr, ""});
    CAPTURE(row.url);

    const auto destination = parse_destination(row.url);

    REQUIRE(destination.has_value() == (row.bucket != nullptr));
    if (destination) CHECK(std::get<S3Destination>(*destination).bucket == row.bucket);
    if (destination) CHECK(std::get<S3Destination>(*destination).prefix == row.prefix);
    if (!destination) CHECK_FALSE(destination.error().hint.empty());
}

TEST_CASE("a bucket of Google's, and a container of Azure's") {
    const auto google = parse_destination("gs://bucket/a/");
    REQUIRE(google);
    CHECK(std::get<GcsDestination>(*google).bucket == "bucket");
    CHECK(std::get<GcsDestination>(*google).prefix == "a/");
    const auto azure = parse_destination("azure://account1/container/a/b");
    REQUIRE(azure);
    CHECK(std::get<AzureDestination>(*azure).account == "account1");
    CHECK(std::get<AzureDestination>(*azure).container == "container");
    CHECK(std::get<AzureDestination>(*azure).prefix == "a/b/");

    const auto url = GENERATE("azure://account", "azure://", "azure:///container", "azure://ab/container",
                              "azure://Account/container", "azure://my-account/container", "azure://account//a",
                              "gs://", "gs:///a", "gs://b//c");
    CAPTURE(url);
    const auto refused = parse_destination(url);
    REQUIRE_FALSE(refused);
    CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("an endpoint's URL") {
    struct Row {
        const char* url;
        const char* host;  // null: refused
        const char* path;
    };
    const auto row =
        GENERATE(Row{"http://minio:9000", "minio:9000", ""}, Row{"https://s3.example.com/", "s3.example.com", ""},
                 Row{"https://s3.example.com:443", "s3.example.com", ""}, Row{"http://h:443", "h:443", ""},
                 Row{"http://[::1]:9000/base", "[::1]:9000", "/base"}, Row{"http://[::1]", "[::1]", ""},
                 Row{"minio:9000", nullptr, ""}, Row{"http://", nullptr, ""}, Row{"http://h:", nullptr, ""},
                 Row{"http://h:0", nullptr, ""}, Row{"http://h:65536", nullptr, ""}, Row{"http://h:9x", nullptr, ""},
                 Row{"http://user:secret@h", nullptr, ""}, Row{"http://h?x", nullptr, ""},
                 Row{"http://h/a/../b", nullptr, ""}, Row{"http://h\r\nx", nullptr, ""}, Row{"ftp://h", nullptr, ""});
    CAPTURE(row.url);

    const auto endpoint = parse_endpoint(row.url);

    REQUIRE(endpoint.has_value() == (row.host != nullptr));
    if (endpoint) CHECK(endpoint->host == row.host);
    if (endpoint) CHECK(endpoint->path == row.path);
    if (!endpoint) CHECK(endpoint.error().text().find("secret") == std::string::npos);
}

TEST_CASE("a key") {
    for (const char* good : {"a", "a/b", "a/.b", "a/..b", "a b", ".pgbosun-probe", "\u00fc"}) CHECK(check_key(good));
    for (const char* bad : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "./a", "a\nb"})
        CHECK_FALSE(check_key(bad));
    CHECK(check_key(std::string(1000, 'a')));
    CHECK_FALSE(check_key(std::string(1001, 'a')));
}

TEST_CASE("the settings open the store they name") {
    const test::TemporaryDirectory place;
    ArchiveSettings settings;
    settings.server_name = "orders";

    settings.destination = "file://" + place.path() + "/a/b";
    const auto directory = open(settings);
    settings.destination = "s3://bucket/path/";
    const auto s3 = open(settings);
    settings.destination = "gs://bucket";
    const auto google = open(settings);
    settings.destination = "azure://account/container/a";
    const auto azure = open(settings);
    settings.encryption.emplace();
    settings.encryption->key.environment = "PGBOSUN_TEST_NO_SUCH_KEY";
    const auto without_key = open(settings);

    REQUIRE(directory);
    CHECK((*directory)->describe() == "file://" + place.path() + "/a/b");
    REQUIRE(s3);
    CHECK((*s3)->describe() == "s3://bucket/path");
    REQUIRE(google);
    CHECK((*google)->describe() == "gs://bucket");
    REQUIRE(azure);
    CHECK((*azure)->describe() == "azure://account/container/a");
    REQUIRE_FALSE(without_key);
    CHECK(without_key.error().kind == FaultKind::refused);
}
