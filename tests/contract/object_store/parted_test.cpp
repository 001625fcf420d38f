// What include/pgbosun/object_store.hpp promises of parted uploads, held against every implementation.
#include <thread>

#include "contract/object_store/stores.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::test;

namespace {

constexpr const char* key = "o/base/20261121T093000/data.tar";

// Of a part: no two parts are alike, and none is periodic in a power of two.
std::string part(int number, std::size_t size = smallest_part) {
    std::string text(size, '\0');
    for (std::size_t at = 0; at < size; ++at)
        text[at] = static_cast<char>('a' + (at * 7 + at / 1009 + static_cast<std::size_t>(number)) % 26);
    return text;
}

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

std::unique_ptr<PartedUpload> begun(ObjectStore& store, const std::string& name = key) {
    auto upload = store.begin_parted(name, smallest_part, {{"a", "b c"}});
    INFO((upload ? "" : upload.error().text()));
    REQUIRE(upload);
    return *std::move(upload);
}

void put(PartedUpload& upload, int number, const std::string& body) {
    const auto taken = upload.put_part(number, bytes(body));
    INFO((taken ? "" : taken.error().text()));
    REQUIRE(taken);
}

FaultKind kind_of(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().text());
    return result.error().kind;
}

std::string content(ObjectStore& store, const std::string& name = key) {
    std::string text;
    const auto got = store.get(
        name,
        [&](std::span<const std::byte> some) -> Result<> {
            text.append(reinterpret_cast<const char*>(some.data()), some.size());
            return {};
        },
        [&] { text.clear(); });
    INFO((got ? "" : got.error().text()));
    REQUIRE(got);
    return text;
}

template <class Scenario>
void for_each_store(const Scenario& scenario) {
    for (const auto& kind : store_kinds()) {
        INFO("store: " << kind.name);
        Subject subject = kind.make();
        scenario(*subject.store, kind.uploads);
    }
}

bool is_there(ObjectStore& store) {
    const auto facts = store.head(key);
    const auto listing = store.list("o/", "", std::nullopt);
    REQUIRE(listing);
    CHECK(listing->objects.size() == (facts ? 1 : 0));
    if (!facts) CHECK(facts.error().kind == FaultKind::not_found);
    return facts.has_value();
}

}  // namespace

TEST_CASE("parts that come out of order, twice and from two threads make the object they are parts of") {
    for_each_store([](ObjectStore& store, Uploads) {
        const auto upload = begun(store);
        const std::string one = part(1), two = part(2), three = part(3), four = part(4, 77);

        put(*upload, 4, part(9));
        put(*upload, 2, part(8));
        std::thread other([&] {
            if (!upload->put_part(3, bytes(three))) std::abort();
        });
        put(*upload, 1, one);
        other.join();
        put(*upload, 2, two);
        put(*upload, 4, four);
        REQUIRE(upload->complete(4));

        const auto facts = store.head(key);
        REQUIRE(facts);
        CHECK(facts->size == 3 * smallest_part + 77);
        if (!facts->metadata.empty()) CHECK(facts->metadata.at("a") == "b c");
        const bool whole = content(store) == one + two + three + four;
        CHECK(whole);
    });
}

TEST_CASE("nothing is to be seen before an upload is complete, and nothing after it was aborted") {
    for_each_store([](ObjectStore& store, Uploads uploads) {
        const auto upload = begun(store);
        CHECK_FALSE(is_there(store));
        put(*upload, 1, part(1));
        CHECK_FALSE(is_there(store));

        const auto aborted = upload->abort();

        if (uploads != Uploads::not_listed) CHECK(aborted);
        if (!aborted) CHECK(aborted.error().kind == FaultKind::refused);
        CHECK_FALSE(is_there(store));
        if (uploads == Uploads::listed) CHECK(store.abort_unfinished("") == std::uint64_t{0});
    });
}

TEST_CASE("a completed upload replaces what was there, and may be of one small part") {
    for_each_store([](ObjectStore& store, Uploads) {
        REQUIRE(store.put(key, bytes("before"), {}));
        const auto upload = begun(store);
        put(*upload, 1, "after");
        CHECK(content(store) == "before");

        REQUIRE(upload->complete(1));

        CHECK(content(store) == "after");
    });
}

TEST_CASE("an upload with a part that is missing, short or too many is refused, and can be mended") {
    for_each_store([](ObjectStore& store, Uploads) {
        const auto upload = begun(store);
        put(*upload, 1, part(1, 100));
        put(*upload, 3, part(3));

        CHECK(kind_of(upload->complete(0)) == FaultKind::refused);
        CHECK(kind_of(upload->complete(2)) == FaultKind::refused);
        put(*upload, 2, part(2));
        CHECK(kind_of(upload->complete(3)) == FaultKind::refused);
        CHECK(kind_of(upload->put_part(0, bytes("x"))) == FaultKind::refused);
        CHECK(kind_of(upload->put_part(most_parts + 1, bytes("x"))) == FaultKind::refused);
        CHECK(kind_of(upload->put_part(4, {})) == FaultKind::refused);
        CHECK(kind_of(upload->put_part(4, bytes(part(4, smallest_part + 1)))) == FaultKind::refused);
        CHECK_FALSE(is_there(store));

        put(*upload, 1, part(1));
        CHECK(upload->complete(2));

        const bool whole = content(store) == part(1) + part(2);
        CHECK(whole);
    });
}

TEST_CASE("parts that are too small, and keys that are none, are refused at once") {
    for_each_store([](ObjectStore& store, Uploads) {
        CHECK(kind_of(store.begin_parted(key, smallest_part - 1, {})) == FaultKind::refused);
        if (store.describe().starts_with("fake")) return;
        CHECK(kind_of(store.begin_parted("a/../b", smallest_part, {})) == FaultKind::refused);
    });
}

TEST_CASE("what nobody completed or aborted is found below its prefix, and nothing else") {
    for_each_store([](ObjectStore& store, Uploads uploads) {
        if (uploads == Uploads::not_listed) {
            const auto asked = store.abort_unfinished("o/");
            CHECK(kind_of(asked) == FaultKind::refused);
            CHECK_FALSE(asked.error().hint.empty());
            return;
        }
        if (uploads == Uploads::dropped_in_time) {
            CHECK(store.abort_unfinished("o/") == std::uint64_t{0});
            return;
        }
        REQUIRE(store.put("o/base/1/keep", bytes("x"), {}));
        const auto kept = begun(store, "o/base2/data.tar");
        for (const char* name : {"o/base/1/data.tar", "o/base/1/data_0001.tar", "o/base/2/data.tar"}) {
            const auto upload = begun(store, name);
            put(*upload, 1, part(1, 10));
        }

        CHECK(store.abort_unfinished("o/base/1/data.") == std::uint64_t{1});
        CHECK(store.abort_unfinished("o/base/") == std::uint64_t{2});
        CHECK(store.abort_unfinished("o/base/") == std::uint64_t{0});

        put(*kept, 1, "y");
        CHECK(kept->complete(1));
        CHECK(content(store, "o/base/1/keep") == "x");
        CHECK(content(store, "o/base2/data.tar") == "y");
    });
}

TEST_CASE("an upload of a cancelled store says so") {
    for_each_store([](ObjectStore& store, Uploads) {
        const auto upload = begun(store);
        store.cancel();

        CHECK(kind_of(upload->put_part(1, bytes("x"))) == FaultKind::cancelled);
        CHECK(kind_of(store.begin_parted(key, smallest_part, {})) == FaultKind::cancelled);
        CHECK(kind_of(store.abort_unfinished("")) == FaultKind::cancelled);
    });
}
