#include "archive/wal_fetcher.hpp"

#include "codec/content_hash.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;

namespace {

const std::string name = segment_name(5);
constexpr std::size_t behind_the_headers_of_its_page = 500'000;

struct Fetch {
    Result<> operator()() {
        WalFetcher fetcher(store, "orders");
        return fetcher.fetch(*wal::parse_archive_name(name), path, {}, gone);
    }
    // As it lies in the store, with the hash that it had when it was archived.
    void plant(const std::string& stored, const std::optional<std::string>& archived) {
        ObjectMetadata metadata;
        if (archived) {
            metadata[std::string(codec::content_hash_name)] = codec::content_hash(std::as_bytes(std::span(*archived)));
        }
        REQUIRE(
            store.put(wal_key("orders", *wal::parse_archive_name(name)), std::as_bytes(std::span(stored)), metadata));
    }

    FakeObjectStore store;
    TemporaryDirectory own;
    std::string path = own.path() + "/segment";
    std::atomic<bool> gone = false;
};

}  // namespace

TEST_CASE("a segment whose bytes are not what was archived is damaged, and no file is left") {
    Fetch fetch;
    const std::string archived = segment_content(name);
    std::string flipped = archived;
    flipped[behind_the_headers_of_its_page] ^= 1;

    fetch.plant(flipped, archived);
    const auto damaged = fetch();
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().kind == FaultKind::corrupt);
    CHECK(damaged.error().what.find("is not what was archived") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(fetch.path));

    fetch.plant(archived, archived);
    REQUIRE(fetch());
    CHECK(read_file(fetch.path) == archived);
}

TEST_CASE("a segment of somebody who keeps no hash is taken as it is") {
    Fetch fetch;
    std::string flipped = segment_content(name);
    flipped[behind_the_headers_of_its_page] ^= 1;
    fetch.plant(flipped, std::nullopt);

    REQUIRE(fetch());
    CHECK(read_file(fetch.path) == flipped);
}

TEST_CASE("a transfer that begins again is hashed from its start") {
    Fetch fetch;
    fetch.plant(segment_content(name), segment_content(name));
    fetch.store.break_next_get_after(100'000);

    REQUIRE(fetch());
    CHECK(read_file(fetch.path) == segment_content(name));
}
