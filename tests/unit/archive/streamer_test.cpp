#include "archive/wal_streamer.hpp"

#include <algorithm>
#include <string>

#include "archive/restorer.hpp"
#include "archive/stream_layout.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "support/catch.hpp"
#include "support/fake_object_store.hpp"
#include "unit/archive/log_lines.hpp"
#include "unit/archive/wal_files.hpp"
#include "unit/archive/watch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t mb = std::uint64_t{1} << 20;

// A primary whose WAL is at a place that the test says.
struct Primary {
    explicit Primary(std::chrono::nanoseconds interval = 0s)
        : streamer(store, {"orders", Compression::zstd, 1}, interval, watch.callback()) {}

    void flush(std::uint64_t position, std::uint64_t run = 1) {
        auto order = data.order();
        order.wal = FlushedWal{{position}, Timeline{1}, run};
        streamer.obey(order);
    }
    void flush_and_ship(std::uint64_t position, std::uint64_t run = 1) {
        flush(position, run);
        watch.until([&] { return streamer.report().position == Lsn{position}; });
    }
    void write(std::uint64_t segment) const { write_file(data.wal_path(segment_name(segment)), whole(segment)); }
    // As crash recovery does with the last, unfinished record of segment 5, by another run of the server.
    std::string write_end_anew() {
        auto other = whole(5);
        other[8'500] = 'x';
        write_file(data.wal_path(segment_name(5)), other);
        flush_and_ship(5 * mb + 8'900, 2);
        return other;
    }
    // As many as a page of a listing has not, of a run of long ago; `segment` 5. Each holds 100 bytes.
    void plant_many_pieces() {
        for (std::uint32_t i = 0; i < 1'100; ++i) {
            const StreamPiece piece{"00000000000001000000", i * 100, (i + 1) * 100, Encoding::plain};
            store.plant(stream_key("orders", *wal::parse_segment_name(segment_name(5)), piece),
                        whole(5).substr(piece.begin, 100));
        }
    }
    static std::string whole(std::uint64_t segment) { return segment_content(segment_name(segment)); }
    [[nodiscard]] std::size_t pieces() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            store.objects(), [](const auto& object) { return object.first.starts_with("orders/stream/"); }));
    }

    // What a recovery gets that asks for the segment.
    HookAnswer recover(std::uint64_t segment, const std::string& into, const char* signal = "recovery.signal") {
        DataDirectory restored;
        write_file(restored.path() + "/" + signal, "");
        TemporaryDirectory own;
        Watch ignored;
        Restorer restorer(store, "orders", own.path() + "/prefetch", 1, {1ms, 4ms, 5ms}, ignored.callback());
        restorer.obey(restored.order());
        Reply reply;
        restorer.ask({*wal::parse_archive_name(segment_name(segment)), into}, reply.later());
        return reply.get();
    }

    DataDirectory data;
    FakeObjectStore store;
    Watch watch;
    WalStreamer streamer;
    TemporaryDirectory away;
};

}  // namespace

TEST_CASE("what was flushed of a segment comes back in recovery, and zeros behind it") {
    Primary primary;
    primary.write(5);
    primary.flush_and_ship(5 * mb + 5'000);
    primary.flush_and_ship(5 * mb + 300'000);
    const std::string file = primary.away.path() + "/RECOVERYXLOG";

    REQUIRE(primary.recover(5, file) == HookAnswer{hook::done, {}});

    const auto content = read_file(file);
    CHECK(content.size() == mb);
    CHECK(content.substr(0, 300'000) == Primary::whole(5).substr(0, 300'000));
    CHECK(content.substr(300'000) == std::string(mb - 300'000, '\0'));
}

TEST_CASE("a standby is not given the pieces: its upstream has the segment") {
    Primary primary;
    primary.write(5);
    primary.flush_and_ship(5 * mb + 5'000);

    CHECK(primary.recover(5, primary.away.path() + "/x", "standby.signal").status == hook::failed);
}

TEST_CASE("pieces of two runs of a server are not mixed") {
    Primary primary;
    primary.write(5);
    primary.flush_and_ship(5 * mb + 9'000);
    const auto other = primary.write_end_anew();
    const std::string file = primary.away.path() + "/RECOVERYXLOG";

    REQUIRE(primary.recover(5, file).status == hook::done);

    CHECK(read_file(file).substr(0, 8'900) == other.substr(0, 8'900));
    CHECK(read_file(file).substr(8'900, 200) == std::string(200, '\0'));
}

TEST_CASE("a run that begins after the clock was set back comes behind the runs before it") {
    Primary primary;
    primary.write(5);
    primary.flush_and_ship(5 * mb + 9'000);
    // As if it had been shipped in the year 2255.
    for (const auto& [key, object] : primary.store.objects()) {
        if (!key.starts_with("orders/stream/")) continue;
        const auto piece = parse_stream_piece(key.substr(key.rfind('/') + 1));
        REQUIRE(piece);
        REQUIRE(primary.store.remove({key}));
        const StreamPiece later{"00009000000000000000", piece->begin, piece->end, piece->encoding};
        primary.store.plant(stream_key("orders", *wal::parse_segment_name(segment_name(5)), later), object.body,
                            object.metadata);
    }
    const auto other = primary.write_end_anew();
    const std::string file = primary.away.path() + "/RECOVERYXLOG";

    REQUIRE(primary.recover(5, file).status == hook::done);

    CHECK(read_file(file).substr(0, 8'900) == other.substr(0, 8'900));
}

TEST_CASE("of more pieces than a listing has on a page all are looked at") {
    Primary primary;
    primary.plant_many_pieces();
    const std::string file = primary.away.path() + "/RECOVERYXLOG";

    SECTION("of one run: no end too early") {
        REQUIRE(primary.recover(5, file).status == hook::done);
        CHECK(read_file(file).substr(0, 110'000) == Primary::whole(5).substr(0, 110'000));
    }
    SECTION("of two: what the newest wrote") {
        const std::string other(9'000, 'x');
        const std::string newest = Primary::whole(5).substr(0, 8'192) + other;
        const StreamPiece piece{"00000000000002000000", 0, static_cast<std::uint32_t>(newest.size()), Encoding::plain};
        primary.store.plant(stream_key("orders", *wal::parse_segment_name(segment_name(5)), piece), newest);

        REQUIRE(primary.recover(5, file).status == hook::done);
        CHECK(read_file(file).substr(0, newest.size()) == newest);
    }
    SECTION("and removed when the segment is whole") {
        primary.write(6);
        primary.streamer.archived(segment_name(5));
        primary.flush_and_ship(6 * mb + 5'000);
        while (primary.pieces() > 1) primary.flush_and_ship(6 * mb + 5'000);
    }
    SECTION("and removed when one covers them") {
        primary.write(5);
        primary.flush_and_ship(5 * mb + 5'000);
        for (std::uint64_t i = 1; i <= 2 * most_pieces; ++i) primary.flush_and_ship(5 * mb + 5'000 + 100 * i);
        CHECK(primary.pieces() <= static_cast<std::size_t>(most_pieces) + 1);
    }
}

TEST_CASE("that pieces cannot be removed is said once for each trouble") {
    Primary primary;
    std::atomic<bool> may_remove = false;
    primary.store.before_each([&](StoreCall call, const std::string&) -> Result<> {
        if (call != StoreCall::remove || may_remove) return {};
        return fail(FaultKind::refused, "the account may not delete");
    });
    std::ignore = new_warnings();
    const auto archive = [&](std::uint64_t segment) {
        primary.write(segment);
        primary.flush_and_ship(segment * mb + 5'000);
        const int before = primary.store.calls(StoreCall::remove);
        primary.streamer.archived(segment_name(segment));
        while (primary.store.calls(StoreCall::remove) == before) primary.flush_and_ship(segment * mb + 5'000);
    };

    archive(5);
    archive(6);
    may_remove = true;
    archive(7);
    while (primary.pieces() > 2) primary.flush_and_ship(7 * mb + 5'000);  // those of 5 and 6 are left
    may_remove = false;
    archive(8);
    primary.streamer.finish();

    const auto warnings = new_warnings();
    CHECK(warnings.size() == 2);
    CHECK(std::ranges::all_of(warnings, [](const auto& it) { return it.find("cannot be removed") != it.npos; }));
}

TEST_CASE("the pieces of a segment that has been archived whole are removed") {
    Primary primary;
    primary.write(5);
    primary.write(6);
    primary.flush_and_ship(5 * mb + 5'000);

    primary.streamer.archived(segment_name(5));
    primary.flush_and_ship(6 * mb + 5'000);
    while (primary.pieces() > 1) primary.flush_and_ship(6 * mb + 5'000);

    const auto objects = primary.store.objects();
    CHECK(std::ranges::any_of(
        objects, [](const auto& object) { return object.first.starts_with("orders/stream/" + segment_name(6)); }));
}

TEST_CASE("what a former life left of segments that are whole in the archive is removed") {
    Primary primary;
    primary.store.plant(wal_key("orders", *wal::parse_archive_name(segment_name(3))) + ".zst", "whole");
    const std::string old = "orders/stream/" + segment_name(3) + "/00000000000001000000-00000000-00002000.zst";
    const std::string needed = "orders/stream/" + segment_name(4) + "/00000000000001000000-00000000-00002000.zst";
    primary.store.plant(old, "piece");
    primary.store.plant(needed, "piece");
    primary.write(5);

    primary.flush_and_ship(5 * mb + 5'000);
    while (primary.store.object(old)) primary.flush_and_ship(5 * mb + 5'000);

    CHECK(primary.store.object(needed));
}

TEST_CASE("many small pieces become one") {
    Primary primary;
    primary.write(5);
    for (std::uint64_t i = 1; i <= 3 * most_pieces; ++i) primary.flush_and_ship(5 * mb + 100 * i);

    CHECK(primary.pieces() <= static_cast<std::size_t>(most_pieces) + 1);
    const std::string file = primary.away.path() + "/RECOVERYXLOG";
    REQUIRE(primary.recover(5, file).status == hook::done);
    const std::size_t shipped = 3 * most_pieces * 100;
    CHECK(read_file(file).substr(0, shipped) == Primary::whole(5).substr(0, shipped));
}

TEST_CASE("an instance that may not archive ships nothing") {
    Primary primary;
    primary.write(5);
    auto order = primary.data.order();
    order.wal = FlushedWal{{5 * mb + 5'000}, Timeline{1}, 1};
    order.may_archive = false;

    primary.streamer.obey(order);
    primary.streamer.finish();

    CHECK(primary.pieces() == 0);
}

TEST_CASE("another cluster's archive gets no piece, and the report says why") {
    Primary primary;
    primary.store.plant(identity_key("orders"), render(ArchiveIdentity{SystemId{1}, "orders"}));
    primary.write(5);

    primary.flush(5 * mb + 5'000);
    primary.watch.until([&] { return primary.streamer.report().last_error.has_value(); });

    CHECK(primary.pieces() == 0);
    CHECK(primary.streamer.report().failing_since);
}
