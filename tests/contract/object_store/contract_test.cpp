// What include/pgbosun/object_store.hpp promises, held against every implementation.
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "contract/object_store/stores.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::test;

namespace {

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

Result<std::string> content(ObjectStore& store, const std::string& key) {
    std::string text;
    const auto got = store.get(
        key,
        [&](std::span<const std::byte> part) -> Result<> {
            text.append(reinterpret_cast<const char*>(part.data()), part.size());
            return {};
        },
        [&] { text.clear(); });
    if (!got) return std::unexpected(got.error());
    return text;
}

FaultKind kind_of(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().text());
    return result.error().kind;
}

std::vector<std::string> keys(const Listing& listing) {
    std::vector<std::string> names;
    for (const auto& object : listing.objects) names.push_back(object.key);
    return names;
}

template <class Scenario>
void for_each_store(const Scenario& scenario) {
    for (const auto& kind : store_kinds()) {
        INFO("store: " << kind.name);
        Subject subject = kind.make();
        scenario(*subject.store);
    }
}

}  // namespace

TEST_CASE("what was put comes back with its size and metadata") {
    for_each_store([](ObjectStore& store) {
        const std::string body(GENERATE(0, 1, 300'000), 'b');
        const auto put = store.put_if_absent("orders/wals/0000000100000000/000000010000000000000001.zst", bytes(body),
                                             {{"pgbosun-content-hash", "xxh3-128:00ff"}, {"a", "b c"}});
        REQUIRE(put);

        const auto facts = store.head("orders/wals/0000000100000000/000000010000000000000001.zst");

        REQUIRE(facts);
        CHECK(facts->size == body.size());
        if (!facts->metadata.empty()) CHECK(facts->metadata.at("pgbosun-content-hash") == "xxh3-128:00ff");
        if (!facts->metadata.empty()) CHECK(facts->metadata.at("a") == "b c");
        CHECK(content(store, facts->key) == body);
    });
}

TEST_CASE("an object that exists is never overwritten by put_if_absent, and is by put") {
    for_each_store([](ObjectStore& store) {
        REQUIRE(store.put_if_absent("a/b", bytes("first"), {}));

        CHECK(kind_of(store.put_if_absent("a/b", bytes("second"), {})) == FaultKind::conflict);
        CHECK(kind_of(store.put_if_absent("a/b", bytes("first"), {})) == FaultKind::conflict);
        CHECK(content(store, "a/b") == "first");

        CHECK(store.put("a/b", bytes("third"), {}));
        CHECK(content(store, "a/b") == "third");
    });
}

TEST_CASE("what is not there is not found, by get and by head") {
    for_each_store([](ObjectStore& store) {
        REQUIRE(store.put("a/b", bytes("x"), {}));

        const auto key = GENERATE(std::string("c"), "a", "a/c", "a/b/c", "A/b");
        CAPTURE(key);

        CHECK(kind_of(content(store, key)) == FaultKind::not_found);
        CHECK(kind_of(store.head(key)) == FaultKind::not_found);
    });
}

TEST_CASE("a fault of the sink ends the transfer and is handed on as it is") {
    for_each_store([](ObjectStore& store) {
        REQUIRE(store.put("a", bytes("x"), {}));

        const auto got = store.get(
            "a", [](std::span<const std::byte>) -> Result<> { return fail(FaultKind::refused, "my disk is full"); },
            [] {});

        CHECK(kind_of(got) == FaultKind::refused);
        CHECK(got.error().what == "my disk is full");
    });
}

TEST_CASE("a listing is in key order, below the prefix, and folds at the delimiter") {
    for_each_store([](ObjectStore& store) {
        for (const char* key :
             {"o/wals/1/b", "o/wals/1/a", "o/wals/2/c", "o/wals/1.history", "o/walsx", "p", "o/wals/2+ &<>\"'%41/d"}) {
            REQUIRE(store.put(key, bytes("xy"), {}));
        }

        const auto all = store.list("o/", "", std::nullopt);
        REQUIRE(all);
        CHECK(keys(*all) == std::vector<std::string>{"o/wals/1.history", "o/wals/1/a", "o/wals/1/b",
                                                     "o/wals/2+ &<>\"'%41/d", "o/wals/2/c", "o/walsx"});
        CHECK(all->objects.front().size >= 2);  // what it takes in the store
        // The emulators' clock is ours; s3rver's and Azure's times have no fractions.
        const auto now = std::chrono::system_clock::now();
        for (const auto& object : all->objects) {
            REQUIRE(object.modified);
            CHECK(*object.modified < now + std::chrono::seconds(2));
            CHECK(*object.modified > now - std::chrono::hours(1));
        }
        CHECK_FALSE(all->next);

        const auto folded = store.list("o/wals/", "/", std::nullopt);
        REQUIRE(folded);
        CHECK(keys(*folded) == std::vector<std::string>{"o/wals/1.history"});
        CHECK(folded->prefixes == std::vector<std::string>{"o/wals/1/", "o/wals/2+ &<>\"'%41/", "o/wals/2/"});

        const auto cut = store.list("o/wals", "/", std::nullopt);
        REQUIRE(cut);
        CHECK(keys(*cut) == std::vector<std::string>{"o/walsx"});
        CHECK(cut->prefixes == std::vector<std::string>{"o/wals/"});

        const auto rest = store.list("o/", "", "o/wals/1/a");
        REQUIRE(rest);
        CHECK(keys(*rest).front() == "o/wals/1/b");
        const auto further = store.list("o/wals/", "/", "o/wals/1/");
        REQUIRE(further);
        CHECK(further->objects.empty());
        CHECK(further->prefixes.size() == 2);

        const auto none = store.list("q/", "/", std::nullopt);
        REQUIRE(none);
        CHECK((none->objects.empty() && none->prefixes.empty() && !none->next));
    });
}

TEST_CASE("a long listing comes in pages that leave nothing out and tell nothing twice") {
    for_each_store([](ObjectStore& store) {
        std::vector<std::string> expected;
        for (int number = 0; number < 1205; ++number) {
            const std::string digits = std::to_string(10000 + number);
            expected.push_back("w/" + digits.substr(0, 3) + '/' + digits);
            REQUIRE(store.put(expected.back(), bytes("x"), {}));
        }

        std::vector<std::string> seen;
        std::optional<std::string> after;
        int pages = 0;
        do {
            const auto page = store.list("w/", "", after);
            INFO((page ? "" : page.error().text()));
            REQUIRE(page);
            for (const auto& key : keys(*page)) seen.push_back(key);
            after = page->next;
            REQUIRE(++pages <= 3);
        } while (after);

        CHECK(seen == expected);
        CHECK(pages <= 2);
    });
}

TEST_CASE("removing takes many keys, and those that are not there") {
    for_each_store([](ObjectStore& store) {
        for (const char* key : {"a/1", "a/2", "a/b/3", "a/<&>"}) REQUIRE(store.put(key, bytes("x"), {}));

        CHECK(store.remove({"a/1", "a/b/3", "a/<&>", "nowhere", "a/2/x"}));

        const auto left = store.list("", "", std::nullopt);
        REQUIRE(left);
        CHECK(keys(*left) == std::vector<std::string>{"a/2"});
        const auto folded = store.list("a/", "/", std::nullopt);
        REQUIRE(folded);
        CHECK(folded->prefixes.empty());
        CHECK(store.put_if_absent("a/1", bytes("again"), {}));
        CHECK(store.remove({}));
    });
}

TEST_CASE("of many threads that put the same key in turn or at once, each loser is told") {
    for (const auto& kind : store_kinds()) {
        if (kind.name.find("HEAD") != std::string::npos) continue;  // the documented race
        INFO("store: " << kind.name);
        Subject subject = kind.make();
        std::atomic<int> won = 0;
        std::atomic<int> lost = 0;

        std::vector<std::thread> writers;
        for (int writer = 0; writer < 8; ++writer) {
            writers.emplace_back([&, writer] {
                const std::string body = "writer " + std::to_string(writer);
                const auto put = subject.store->put_if_absent("race", bytes(body), {});
                if (put) ++won;
                if (!put && put.error().kind == FaultKind::conflict) ++lost;
            });
        }
        for (auto& writer : writers) writer.join();

        CHECK(won == 1);
        CHECK(lost == 7);
        CHECK(content(*subject.store, "race")->starts_with("writer "));
    }
}

TEST_CASE("a cancelled store answers so, to everything") {
    for_each_store([](ObjectStore& store) {
        store.cancel();

        CHECK(kind_of(store.put_if_absent("a", bytes("x"), {})) == FaultKind::cancelled);
        CHECK(kind_of(store.put("a", bytes("x"), {})) == FaultKind::cancelled);
        CHECK(kind_of(content(store, "a")) == FaultKind::cancelled);
        CHECK(kind_of(store.head("a")) == FaultKind::cancelled);
        CHECK(kind_of(store.list("", "", std::nullopt)) == FaultKind::cancelled);
        CHECK(kind_of(store.remove({"a"})) == FaultKind::cancelled);
    });
}
