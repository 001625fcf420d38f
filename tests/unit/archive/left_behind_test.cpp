#include "archive/left_behind.hpp"

#include <atomic>

#include "archive/decoded_object.hpp"
#include "archive/layout.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "unit/archive/synced.hpp"
#include "unit/archive/wal_files.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

using Names = std::vector<std::string>;

std::string key_of(const std::string& name) { return wal_key("orders", *wal::parse_archive_name(name)) + ".zst"; }

struct Former {
    LeftBehindReport archive(Timeline of_primary = Timeline{2}) {
        const LeftBehindOrder order{data.path(), {our_system, small_size()}, of_primary, 1, patience, 1ms};
        const ArchiveTarget target{"orders", Compression::zstd, 1, {}};
        return archive_left_behind(store, target, order, *left_behind(data.path()), [this](std::size_t) { ++told; });
    }
    [[nodiscard]] bool is_marked(const std::string& mark) const {
        return std::filesystem::exists(data.path() + "/pg_wal/archive_status/" + mark);
    }

    DataDirectory data;
    FakeObjectStore store;
    std::atomic<int> told = 0;
    // Long enough for a slow machine: a store that answers is never given up.
    std::chrono::milliseconds patience{60'000};
};

}  // namespace

TEST_CASE("what waits is archived byte for byte, marked so, and is not looked at again") {
    Former it;
    const Names names{segment_name(1), segment_name(2), segment_name(3)};
    for (const auto& name : names) it.data.make_ready(name);

    const auto report = it.archive();

    CHECK(report.archived == 3);
    CHECK(report.not_archived.empty());
    CHECK(it.told == 3);
    for (const auto& name : names) {
        CAPTURE(name);
        std::string text;
        const auto sink = [&](std::span<const std::byte> part) -> Result<> {
            text.append(reinterpret_cast<const char*>(part.data()), part.size());
            return {};
        };
        REQUIRE(read_decoded(it.store, key_of(name), Encoding::zstd, 1 << 30, sink, [&] { text.clear(); }));
        CHECK(text == segment_content(name));
        CHECK(it.is_marked(name + ".done"));
    }
    CHECK(left_behind(it.data.path())->empty());
}

TEST_CASE("histories are archived before segments") {
    Former it;
    it.data.make_ready(segment_name(1));
    it.data.make_ready("00000002.history", "1\t0/3000110\tx\n");

    CHECK(*left_behind(it.data.path()) == Names{"00000002.history", segment_name(1)});
}

TEST_CASE("a file of the primary's timeline, or of a newer one, is never archived by a former primary") {
    Former it;
    const auto older = segment_name(5, 1), same = segment_name(6, 2), newer = segment_name(7, 3);
    for (const auto& name : {older, same, newer}) it.data.make_ready(name);

    const auto report = it.archive(Timeline{2});

    CHECK(report.archived == 1);
    CHECK(report.not_archived.size() == 2);
    CHECK(it.store.object(key_of(older)));
    CHECK_FALSE(it.store.object(key_of(same)));
    CHECK_FALSE(it.store.object(key_of(newer)));
    CHECK(it.is_marked(same + ".ready"));
}

TEST_CASE("other content in the archive stays, and the rest is archived") {
    Former it;
    const auto name = segment_name(1);
    it.data.make_ready(name);
    REQUIRE(it.archive().archived == 1);
    const auto before = it.store.object(key_of(name))->body;
    it.data.make_ready(name, segment_content(name, 7));
    it.data.make_ready(segment_name(2));

    const auto report = it.archive();

    CHECK(report.archived == 1);
    REQUIRE(report.not_archived.size() == 1);
    CHECK(report.not_archived.begin()->second.find("holds other content") != std::string::npos);
    CHECK(it.store.object(key_of(name))->body == before);
}

TEST_CASE("a store that does not answer for a moment is asked again") {
    Former it;
    it.data.make_ready(segment_name(1));
    it.store.fail_next(StoreCall::put_if_absent, 3);

    CHECK(it.archive().archived == 1);
}

TEST_CASE("a store that is away, or hangs, is given up, and every file is told") {
    Former it;
    it.patience = 50ms;
    for (std::uint64_t i = 1; i <= 5; ++i) it.data.make_ready(segment_name(i));
    const bool hangs = GENERATE(true, false);
    if (hangs) it.store.hold();
    it.store.before_each([&](StoreCall, const std::string&) -> Result<> {
        if (hangs) return {};
        return fail(FaultKind::unavailable, "nobody there");
    });

    const auto report = it.archive();

    CHECK(report.archived == 0);
    CHECK(report.not_archived.size() == 5);
    if (!hangs) CHECK(report.not_archived.begin()->second.find("nobody there") != std::string::npos);
    CHECK(it.is_marked(segment_name(1) + ".ready"));
}

TEST_CASE("a mark whose file PostgreSQL took away is nothing") {
    Former it;
    it.data.make_ready(segment_name(1));
    std::filesystem::remove(it.data.wal_path(segment_name(1)));

    const auto report = it.archive();

    CHECK(report.archived == 0);
    CHECK(report.not_archived.empty());
}

TEST_CASE("what is kept aside is durable with every directory that was made for it") {
    DataDirectory data;
    const auto name = segment_name(1);
    data.make_ready(name);
    const std::string aside = data.path() + "/state/kept";
    std::ignore = new_synced();

    SECTION("it was not there") {
        REQUIRE(keep_aside(data.path(), name, aside));

        CHECK(new_synced() == Names{data.path(), data.path() + "/state", aside + "/" + name + ".pgbosun-new", aside});
    }
    SECTION("a run that was killed has made it, and nobody knows how much of that is on disk") {
        std::filesystem::create_directories(aside);
        write_file(aside + "/" + name, segment_content(name));

        REQUIRE(keep_aside(data.path(), name, aside));

        CHECK(new_synced() == Names{data.path() + "/state", aside + "/" + name, aside});
    }
}

TEST_CASE("what is kept aside is a copy that outlives the original, made once") {
    DataDirectory data;
    const auto name = segment_name(1);
    data.make_ready(name);
    const std::string aside = data.path() + "/kept";

    REQUIRE(keep_aside(data.path(), name, aside));
    REQUIRE(keep_aside(data.path(), name, aside));
    // PostgreSQL writes over a segment that it uses again.
    write_file(data.wal_path(name), segment_content(name, 3));
    REQUIRE(keep_aside(data.path(), name, aside));

    CHECK(read_file(aside + "/" + name) == segment_content(name));
    CHECK(read_file(aside + "/" + name + ".1") == segment_content(name, 3));
    CHECK(std::distance(std::filesystem::directory_iterator(aside), {}) == 2);
    CHECK(keep_aside(data.path(), segment_name(9), aside).error().kind == FaultKind::not_found);
}
