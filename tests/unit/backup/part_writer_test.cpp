#include "backup/part_writer.hpp"

#include <algorithm>
#include <random>

#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "support/seed.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

namespace {

constexpr std::size_t part = smallest_part;

std::vector<std::byte> content_of(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::byte> content(size);
    for (auto& byte : content) byte = static_cast<std::byte>(random());
    return content;
}

// In pieces of odd sizes, as a compressor yields them.
Result<> write(PartWriter& writer, const std::vector<std::byte>& content) {
    constexpr std::size_t piece = 300'007;
    for (std::size_t at = 0; at < content.size(); at += piece) {
        const auto length = std::min(piece, content.size() - at);
        const auto begin = content.begin() + static_cast<std::ptrdiff_t>(at);
        writer.buffer().insert(writer.buffer().end(), begin, begin + static_cast<std::ptrdiff_t>(length));
        if (auto flushed = writer.flush(); !flushed) return flushed;
    }
    return writer.finish();
}

}  // namespace

TEST_CASE("objects of any size arrive as they were written") {
    const auto seed = test::seed();
    CAPTURE(seed);
    test::FakeObjectStore store;
    UploadPool pool(2, 4, part);
    const std::size_t sizes[] = {0, 1, part - 1, part, part + 1, 3 * part, 3 * part + 12'345};
    std::uint64_t all = 0;
    for (const auto size : sizes) {
        PartWriter writer(pool, store, "orders/base/x/" + std::to_string(size), part);
        REQUIRE(write(writer, content_of(size, seed + size)));
        all += size;
    }
    REQUIRE(pool.wait());
    CHECK(pool.stored() == all);
    for (const auto size : sizes) {
        CAPTURE(size);
        CHECK(store.objects().at("orders/base/x/" + std::to_string(size)).body == content_of(size, seed + size));
    }
}

TEST_CASE("a writer that is dropped leaves neither an object nor an unfinished upload") {
    test::FakeObjectStore store;
    UploadPool pool(2, 4, part);
    {
        PartWriter writer(pool, store, "orders/base/x/data.tar", part);
        writer.buffer() = content_of(2 * part + 5, 1);
        REQUIRE(writer.flush());
    }
    REQUIRE(pool.wait());
    CHECK(store.objects().empty());
    CHECK(store.abort_unfinished("orders/") == std::uint64_t{0});
}

TEST_CASE("when one part fails its object is given up, and whoever writes is told") {
    test::FakeObjectStore store;
    UploadPool pool(2, 4, part);
    store.fail_next(test::StoreCall::put_part);
    PartWriter writer(pool, store, "orders/base/x/data.tar", part);
    const auto written = write(writer, content_of(6 * part, 1));
    const auto waited = pool.wait();

    REQUIRE_FALSE(waited);
    CHECK(waited.error().kind == FaultKind::unavailable);
    CHECK(waited.error().what.find("orders/base/x/data.tar") != std::string::npos);
    CHECK(store.objects().empty());
    CHECK(store.abort_unfinished("orders/") == std::uint64_t{0});
    PartWriter next(pool, store, "orders/base/x/next.tar", part);
    CHECK_FALSE(write(next, content_of(10, 1)));
}
