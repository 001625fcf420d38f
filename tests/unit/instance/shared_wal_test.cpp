#include "instance/shared_wal.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;

namespace {

constexpr std::uint64_t segment = 1 << 20;
constexpr Lsn first_fork{3 * segment + 0x5000};
constexpr Lsn second_fork{3 * segment + 0x9000};
const auto size = *wal::SegmentSize::from_bytes(segment);

wal::TimelineHistory on_one() { return {Timeline{1}, {}}; }
wal::TimelineHistory on_two() { return {Timeline{2}, {{Timeline{1}, first_fork, ""}}}; }
wal::TimelineHistory on_three() {
    return {Timeline{3}, {{Timeline{1}, first_fork, ""}, {Timeline{2}, second_fork, ""}}};
}

// What is compared, as "names here | names there @ begin..end", the segment's number left out.
std::vector<std::string> pieces(wal::TimelineHistory local, Lsn held, const wal::TimelineHistory& upstream,
                                bool unfinished = false) {
    LocalData data;
    data.timeline = local.timeline;
    data.history = std::move(local);
    data.held = held;
    data.unfinished = unfinished;
    std::vector<std::string> found;
    for (const auto& piece : pieces_to_compare(data, upstream, size)) {
        std::string text;
        for (const auto& name : piece.ours) text += std::to_string(number(name.timeline));
        text += "|";
        for (const auto& name : piece.theirs) text += std::to_string(number(name.timeline));
        CHECK(piece.begin.value / segment == (piece.end.value - 1) / segment);
        found.push_back(text + " " + to_string(piece.begin) + ".." + to_string(piece.end));
    }
    return found;
}

using Pieces = std::vector<std::string>;

}  // namespace

TEST_CASE("the record that began the last shared timeline is compared, and the last pages that both have") {
    CHECK(pieces(on_two(), Lsn{9 * segment + 100}, on_two()) ==
          Pieces{"2|2 0/305000..0/305100", "2|2 0/8FE000..0/900000", "2|2 0/900000..0/900064"});
    CHECK(pieces(on_two(), Lsn{9 * segment}, on_three()) ==
          Pieces{"2|23 0/305000..0/305100", "2|23 0/306000..0/309000"});
    CHECK(pieces(on_two(), Lsn{3 * segment + 0x5030}, on_three()) ==
          Pieces{"2|23 0/305000..0/305030", "2|23 0/305000..0/305030"});
}

TEST_CASE("what ends where a timeline ends is compared on the timeline that it was written on") {
    CHECK(pieces(on_one(), first_fork, on_three()) == Pieces{"1|123 0/302000..0/305000"});
    CHECK(pieces(on_two(), first_fork, on_three()) == Pieces{"12|123 0/302000..0/305000"});
    CHECK(pieces(on_one(), Lsn{4 * segment}, on_two()) == Pieces{"1|12 0/302000..0/305000"});
}

TEST_CASE("of the first timeline only the last pages are compared, for its system id tells who began it") {
    CHECK(pieces(on_one(), Lsn{10}, on_one()) == Pieces{"1|1 0/0..0/A"});
    CHECK(pieces(on_one(), Lsn{2 * segment}, on_one()) == Pieces{"1|1 0/1FC000..0/200000"});
}

TEST_CASE("of an unfinished copy only the beginning of the timeline is compared") {
    CHECK(pieces(on_two(), Lsn{9 * segment}, on_two(), true) == Pieces{"2|2 0/305000..0/305100"});
    CHECK(pieces(on_one(), Lsn{9 * segment}, on_one(), true).empty());
}

TEST_CASE("where nothing is shared, or nothing is held, there is nothing to compare") {
    CHECK(pieces({Timeline{4}, {}}, Lsn{9 * segment}, on_two()).empty());
    CHECK(pieces(on_two(), Lsn{}, on_two()).empty());
}
