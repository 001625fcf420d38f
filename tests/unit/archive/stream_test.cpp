#include <cstdint>
#include <string>
#include <vector>

#include "archive/stream_cursor.hpp"
#include "archive/stream_layout.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::archive;

namespace {

constexpr std::uint64_t mb = std::uint64_t{1} << 20;
const Timeline one{1};
const auto size = *wal::SegmentSize::from_bytes(16 * mb);
const std::string early = generation_at(1'000'000), late = generation_at(2'000'000);

Shipment at(std::uint64_t number, std::uint64_t begin, std::uint64_t end, bool replaces = false) {
    return {{one, number}, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end), replaces};
}

}  // namespace

TEST_CASE("a piece's key says where it lies, and is read back") {
    const wal::SegmentName segment{one, 0, 5};
    const StreamPiece piece{early, 0, 0x2000, Encoding::zstd};

    const auto key = stream_key("orders", segment, piece);

    CHECK(key == "orders/stream/000000010000000000000005/00000000000001000000-00000000-00002000.zst");
    CHECK(parse_stream_piece(key.substr(stream_prefix("orders", segment).size())) == piece);
}

TEST_CASE("what is almost a piece's name is not one") {
    const std::string good = "00000000000001000000-00000000-00002000";
    REQUIRE(parse_stream_piece(good));
    for (const std::string name :
         {"", "x", "0000000000000100000-00000000-00002000", "0000000000000100000a-00000000-00002000",
          "00000000000001000000_00000000-00002000", "00000000000001000000-00002000-00002000",
          "00000000000001000000-00002000-00000000", "00000000000001000000-00000000-0000200",
          "00000000000001000000-00000000-00002000.tmp", "00000000000001000000-0000000g-00002000"}) {
        CAPTURE(name);
        CHECK_FALSE(parse_stream_piece(name));
    }
}

TEST_CASE("a generation comes behind all before it") {
    CHECK(next_generation(5'000'000, "") == "00000000000005000000");
    CHECK(next_generation(5'000'000, "00000000000004999999") == "00000000000005000000");
    CHECK(next_generation(5'000'000, "00000000000005000000") == "00000000000005000001");
    CHECK(next_generation(5'000'000, "00000000000009000000") == "00000000000009000001");
    CHECK(next_generation(5'000'000, "99999999999999999999") == "00000000000005000000");
    CHECK(next_generation(5'000'000, "18446744073709551615") == "00000000000005000000");
}

TEST_CASE("a segment is laid from the newest generation, without a hole, the longest piece of a place first") {
    const auto piece = [](const std::string& generation, std::uint32_t begin, std::uint32_t end) {
        return StreamPiece{generation, begin, end, Encoding::zstd};
    };
    struct Row {
        std::vector<StreamPiece> given, used;
    };
    for (const auto& row : std::vector<Row>{
             {{}, {}},
             {{piece(early, 0, 10), piece(early, 10, 20)}, {piece(early, 0, 10), piece(early, 10, 20)}},
             {{piece(early, 10, 20), piece(early, 0, 10)}, {piece(early, 0, 10), piece(early, 10, 20)}},
             {{piece(early, 0, 10), piece(early, 20, 30)}, {piece(early, 0, 10)}},
             {{piece(early, 10, 20)}, {}},
             {{piece(early, 0, 30), piece(late, 0, 10)}, {piece(late, 0, 10)}},
             {{piece(early, 0, 10), piece(early, 10, 20), piece(early, 0, 20), piece(early, 20, 30)},
              {piece(early, 0, 20), piece(early, 20, 30)}},
         }) {
        CHECK(usable_pieces(row.given) == row.used);
    }
}

TEST_CASE("shipping begins at the start of the segment that is being written") {
    StreamCursor cursor(one, size);

    CHECK(cursor.next({5 * 16 * mb + 100}) == at(5, 0, 100));
}

TEST_CASE("what was shipped is not shipped again, and a segment's end goes before the next one's start") {
    StreamCursor cursor(one, size);
    cursor.shipped(*cursor.next({5 * 16 * mb + 100}));

    CHECK_FALSE(cursor.next({5 * 16 * mb + 100}));
    const auto rest = cursor.next({6 * 16 * mb + 7});
    CHECK(rest == at(5, 100, 16 * mb));
    cursor.shipped(*rest);
    CHECK(cursor.next({6 * 16 * mb + 7}) == at(6, 0, 7));
}

TEST_CASE("what failed is shipped again, longer") {
    StreamCursor cursor(one, size);
    CHECK(cursor.next({100}) == at(0, 0, 100));

    CHECK(cursor.next({300}) == at(0, 0, 300));
}

TEST_CASE("a segment that is in the archive is left out, and one before it is not") {
    StreamCursor cursor(one, size);
    cursor.shipped(*cursor.next({5 * 16 * mb + 100}));
    cursor.archived({one, 6});
    cursor.archived({Timeline{2}, 5});

    const auto rest = cursor.next({7 * 16 * mb + 7});
    CHECK(rest == at(5, 100, 16 * mb));
    cursor.shipped(*rest);
    CHECK(cursor.next({7 * 16 * mb + 7}) == at(7, 0, 7));
}

TEST_CASE("when the archive lags far behind, only the newest segments are followed") {
    StreamCursor cursor(one, size);
    cursor.shipped(*cursor.next({100}));

    CHECK(cursor.next({100 * 16 * mb + 7}) == at(100 - most_segments_behind, 0, 16 * mb));
}

TEST_CASE("after many small pieces one covers them all, and shipping goes on behind it") {
    StreamCursor cursor(one, size);
    std::uint64_t flushed = 16 * mb;
    for (int i = 0; i < most_pieces; ++i) {
        flushed += 100;
        const auto piece = cursor.next({flushed});
        REQUIRE(piece);
        CHECK_FALSE(piece->replaces);
        cursor.shipped(*piece);
    }

    const auto covering = cursor.next({flushed + 100});
    CHECK(covering == at(1, 0, flushed + 100 - 16 * mb, true));
    cursor.shipped(*covering);
    CHECK(cursor.next({flushed + 150}) == at(1, flushed + 100 - 16 * mb, flushed + 150 - 16 * mb));
}

TEST_CASE("a piece in a large segment is never longer than what is held in memory") {
    const auto large = *wal::SegmentSize::from_bytes(1024 * mb);
    StreamCursor cursor(one, large);
    const Lsn flushed{100 * mb};

    std::uint64_t shipped = 0;
    while (const auto piece = cursor.next(flushed)) {
        CHECK(piece->begin == shipped);
        CHECK(piece->end - piece->begin <= largest_shipment);
        shipped = piece->end;
        cursor.shipped(*piece);
    }
    CHECK(shipped == flushed.value);
}
