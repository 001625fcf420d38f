#include "backup/archived_wal.hpp"

#include <algorithm>

#include "support/catch.hpp"
#include "support/fake_object_store.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

wal::SegmentName segment(const std::string& name) { return wal::parse_segment_name(name).value(); }

void put(test::FakeObjectStore& store, const std::string& key) { REQUIRE(store.put("orders/wals/" + key, {}, {})); }

std::vector<std::string> names(const Result<std::vector<wal::SegmentName>>& segments) {
    REQUIRE(segments);
    std::vector<std::string> texts;
    for (const auto& name : *segments) texts.push_back(to_string(name));
    return texts;
}

}  // namespace

TEST_CASE("a segment is in the archive whatever its compression, and not when only something beside it is") {
    test::FakeObjectStore store;
    put(store, "0000000100000000/000000010000000000000001.zst");
    put(store, "0000000100000000/000000010000000000000002.gz");
    put(store, "0000000100000000/000000010000000000000003");
    put(store, "0000000100000000/000000010000000000000004.partial.zst");
    put(store, "0000000100000000/000000010000000000000005.00000028.backup.zst");
    put(store, "0000000100000001/000000010000000100000000.lz4");
    const std::vector<wal::SegmentName> many = {
        segment("000000010000000000000001"), segment("000000010000000000000002"), segment("000000010000000000000003"),
        segment("000000010000000000000004"), segment("000000010000000000000005"), segment("0000000100000000000000FF"),
        segment("000000010000000100000000"), segment("000000020000000100000000"),
    };
    const std::vector<std::string> missing = {"000000010000000000000004", "000000010000000000000005",
                                              "0000000100000000000000FF", "000000020000000100000000"};
    CHECK(names(missing_from_archive(store, "orders", many)) == missing);
    for (const auto& one : many) {
        const bool expected = std::ranges::find(missing, to_string(one)) != missing.end();
        CHECK(names(missing_from_archive(store, "orders", {one})).empty() != expected);
    }
    CHECK(names(missing_from_archive(store, "orders", {})).empty());
}

TEST_CASE("a store that does not answer does not say that WAL is missing") {
    test::FakeObjectStore store;
    store.fail_next(test::StoreCall::list);
    const auto missing = missing_from_archive(store, "orders", {segment("000000010000000000000001")});
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == FaultKind::unavailable);
}
