#include "supervision/wal_comparison.hpp"

#include "outside.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using enum instance::SharedWal;

namespace {

const auto size = *wal::SegmentSize::from_bytes(1 << 20);
constexpr Lsn begin{(3 << 20) + 2};
constexpr Lsn end{(3 << 20) + 4};
const std::string old_name = "000000010000000000000003";
const std::string new_name = "000000020000000000000003";

// Two files that may hold the same place, here in a directory, and there on a server.
struct Fixture : test::Outside {
    Fixture() {
        files.add_directory("/wal");
        server->answer = [this](const std::string&, const std::vector<Field>& parameters) -> Result<Rows> {
            CHECK(parameters == std::vector<Field>{"{" + old_name + "," + new_name + "}", "2", "2"});
            Rows rows;
            for (const auto& bytes : there) rows.rows.push_back({Field(bytes)});
            return rows;
        };
    }
    Result<instance::SharedWal> compare() {
        const auto names = {wal::SegmentName{Timeline{1}, 0, 3}, wal::SegmentName{Timeline{2}, 0, 3}};
        std::vector<instance::WalPiece> pieces{{begin, end, names, names}};
        return test::run(
            loop, compare_wal(std::move(pieces), wal_of_directory(files, "/wal", size), wal_of_server(session, size)));
    }
    std::vector<std::string> there;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "bytes at the same place are the same or differ") {
    files.add_file("/wal/" + old_name, "xxabxx");
    there = {"6162"};
    CHECK(compare() == same);
    there = {"6163"};
    CHECK(compare() == differs);
}

TEST_CASE_METHOD(Fixture, "one whole file on each side is enough, for the other may have been left half received") {
    files.add_file("/wal/" + old_name, std::string(6, '\0'));
    files.add_file("/wal/" + new_name, "xxabxx");
    there = {"6363", "6162"};
    CHECK(compare() == same);
    there = {"6363"};
    CHECK(compare() == differs);
}

TEST_CASE_METHOD(Fixture, "what one of the two has no longer is gone") {
    there = {"6162"};
    CHECK(compare() == gone);
    files.add_file("/wal/" + old_name, "xxa");
    CHECK(compare() == gone);
    files.add_file("/wal/" + old_name, "xxab");
    there.clear();
    CHECK(compare() == gone);
}

TEST_CASE_METHOD(Fixture, "who does not answer has not answered that it is gone") {
    files.add_file("/wal/" + old_name, "xxab");
    server->state = test::FakeServerState::down;
    CHECK(compare().error().kind == FaultKind::unavailable);
    files.fault = [](std::string_view, const std::string&) { return Fault{FaultKind::unavailable, "it hangs", ""}; };
    CHECK(compare().error().what == "it hangs");
}
