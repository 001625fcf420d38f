#include "archive/ready_queue.hpp"

#include "support/catch.hpp"

using namespace pgbosun::archive;

namespace {

using Ahead = ReadyQueue::Ahead;

ReadyFiles ready(std::vector<std::string> names) {
    for (auto& name : names) name += ".ready";
    return ready_files(names);
}

const std::string a = "000000010000000000000001", b = "000000010000000000000002", c = "000000010000000000000003";
constexpr FileIdentity identity{1, 2, 3, 4};

}  // namespace

TEST_CASE("only marks of WAL files that are ready count, history files first, then by name") {
    const std::vector<std::string> names{
        b + ".ready",         "00000002.history.ready",     a + ".ready", c + ".done", "x.ready",
        c + ".partial.ready", a + ".00000028.backup.ready", ".",          ".ready",    "00000003.history.ready"};

    const auto files = ready_files(names);

    CHECK(files.first == std::vector<std::string>{"00000002.history", "00000003.history", a, a + ".00000028.backup", b,
                                                  c + ".partial"});
    CHECK(files.beyond == 0);
}

TEST_CASE("a look keeps the oldest of a long backlog and counts the rest") {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < longest_look + 500; ++i) {
        names.push_back(pgbosun::wal::to_string(pgbosun::wal::SegmentName{pgbosun::Timeline{1}, 9, 5000 - i}) +
                        ".ready");
    }

    const auto files = ready_files(names);

    CHECK(files.first.size() == longest_look);
    CHECK(files.beyond == 500);
    CHECK(files.first.front() < files.first.back());
}

TEST_CASE("the file PostgreSQL waits for goes before the oldest") {
    ReadyQueue queue;
    queue.looked(ready({a, b, c}), queue.moment());

    queue.ask(c);

    CHECK(queue.take(Ahead::allowed) == c);
    CHECK(queue.take(Ahead::allowed) == a);
    CHECK(queue.take(Ahead::allowed) == b);
    CHECK_FALSE(queue.take(Ahead::allowed));
}

TEST_CASE("with look-ahead stopped only what is asked for is taken") {
    ReadyQueue queue;
    queue.looked(ready({a, b}), queue.moment());
    queue.ask(b);

    CHECK(queue.take(Ahead::stopped) == b);
    CHECK_FALSE(queue.take(Ahead::stopped));
}

TEST_CASE("segments of a timeline wait until its history is archived") {
    const std::string segment = "000000020000000000000003";
    ReadyQueue queue;
    queue.looked(ready({segment, a, "00000002.history"}), queue.moment());

    CHECK(queue.take(Ahead::allowed) == "00000002.history");
    CHECK(queue.take(Ahead::allowed) == a);
    CHECK_FALSE(queue.take(Ahead::allowed));
    queue.put_back("00000002.history");
    CHECK_FALSE(queue.take(Ahead::allowed));
    queue.looked(ready({segment, "00000002.history"}), queue.moment());
    CHECK(queue.take(Ahead::allowed) == "00000002.history");
    queue.acknowledge("00000002.history", identity);
    CHECK(queue.take(Ahead::allowed) == segment);
}

TEST_CASE("an acknowledgement holds for the very same file only") {
    ReadyQueue queue;
    queue.looked(ready({a}), queue.moment());
    REQUIRE(queue.take(Ahead::allowed) == a);
    queue.acknowledge(a, identity);

    CHECK(queue.is_acknowledged(a, identity));
    const FileIdentity others[] = {{9, 2, 3, 4}, {1, 9, 3, 4}, {1, 2, 9, 4}, {1, 2, 3, 9}};
    for (const auto& other : others) CHECK_FALSE(queue.is_acknowledged(a, other));
    CHECK_FALSE(queue.is_acknowledged(b, identity));
}

TEST_CASE("a file that is asked for again although acknowledged is taken again") {
    ReadyQueue queue;
    queue.acknowledge(a, identity);
    queue.told(a);

    queue.ask(a);

    CHECK_FALSE(queue.is_acknowledged(a, identity));
    CHECK(queue.take(Ahead::stopped) == a);
}

TEST_CASE("an acknowledgement is forgotten once the mark has gone, but not by a look that began before it") {
    ReadyQueue queue;
    const auto before = queue.moment();
    queue.acknowledge(a, identity);

    queue.looked(ready({}), before);
    CHECK(queue.is_acknowledged(a, identity));

    queue.looked(ready({}), queue.moment());
    CHECK_FALSE(queue.is_acknowledged(a, identity));
}

TEST_CASE("an acknowledged file whose mark is still there is not taken again") {
    ReadyQueue queue;
    queue.acknowledge(a, identity);

    queue.looked(ready({a, b}), queue.moment());

    CHECK(queue.backlog() == 1);
    CHECK(queue.take(Ahead::allowed) == b);
    CHECK_FALSE(queue.take(Ahead::allowed));
}

TEST_CASE("what failed ahead is offered again after the next look, what is asked for at once") {
    ReadyQueue queue;
    queue.looked(ready({a, b}), queue.moment());
    queue.ask(a);
    REQUIRE(queue.take(Ahead::allowed) == a);
    REQUIRE(queue.take(Ahead::allowed) == b);
    queue.put_back(a);
    queue.put_back(b);

    CHECK(queue.take(Ahead::allowed) == a);
    CHECK_FALSE(queue.take(Ahead::allowed));
    queue.looked(ready({a, b}), queue.moment());
    CHECK(queue.take(Ahead::allowed) == b);
    CHECK(queue.backlog() == 2);
}

TEST_CASE("a file under way is not taken twice, even when it is asked for then") {
    ReadyQueue queue;
    queue.looked(ready({a}), queue.moment());
    REQUIRE(queue.take(Ahead::allowed) == a);

    queue.ask(a);
    queue.looked(ready({a}), queue.moment());

    CHECK_FALSE(queue.take(Ahead::allowed));
}

TEST_CASE("nothing is uploaded further ahead than can be remembered, and PostgreSQL's progress frees room") {
    ReadyQueue queue;
    for (std::size_t i = 0; i < most_acknowledged; ++i) queue.acknowledge("f" + std::to_string(i), identity);
    queue.looked({{a}, 1}, queue.moment());
    CHECK_FALSE(queue.take(Ahead::allowed));

    queue.told("f0");

    CHECK(queue.take(Ahead::allowed) == a);
}

TEST_CASE("what PostgreSQL was told of is forgotten in time even if no look sees the end of the backlog") {
    ReadyQueue queue;
    for (std::size_t i = 0; i <= longest_told; ++i) {
        queue.acknowledge("f" + std::to_string(i), identity);
        queue.told("f" + std::to_string(i));
    }

    CHECK_FALSE(queue.is_acknowledged("f0", identity));
    CHECK(queue.is_acknowledged("f1", identity));
}
