// What include/pgbosun/file_system.hpp promises, asked of the real one and of the fake.

#include <algorithm>

#include "host/child_processes.hpp"
#include "host/worker_file_system.hpp"
#include "support/catch.hpp"
#include "support/fake_file_system.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;

namespace {

class Real {
public:
    FileSystem& files() { return files_; }
    std::string operator/(const std::string& name) const { return directory_ / name; }
    template <class T>
    T operator()(Task<T> task) {
        return test::run(loop_, std::move(task));
    }

private:
    boost::asio::io_context loop_;
    host::ChildProcesses processes_{loop_};
    host::WorkerFileSystem files_{loop_, processes_};
    test::TemporaryDirectory directory_;
};

class Fake {
public:
    Fake() { files_.add_directory("/volume"); }
    FileSystem& files() { return files_; }
    std::string operator/(const std::string& name) const { return "/volume/" + name; }
    template <class T>
    T operator()(Task<T> task) {
        return test::run(loop_, std::move(task));
    }

private:
    boost::asio::io_context loop_;
    test::FakeFileSystem files_;
};

template <class Answer>
std::optional<FaultKind> kind(const Answer& answer) {
    return answer ? std::nullopt : std::optional(answer.error().kind);
}

}  // namespace

TEMPLATE_TEST_CASE("a file reads back as it was written", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    const std::string zeros("a\0b\n", 4);

    REQUIRE(world(files.make_directory(world / "d")).has_value());
    CHECK(world(files.write_durably(world / "d/term", "old")).has_value());
    CHECK(world(files.write_durably(world / "d/term", zeros)).has_value());

    CHECK(world(files.read(world / "d/term", 4)).value() == zeros);
    CHECK(world(files.list(world / "d", 10)).value() == std::vector<std::string>{"term"});
    const auto facts = world(files.inspect(world / "d/term")).value();
    CHECK(facts.type == FileType::regular);
    CHECK(facts.mode == 0600);
    CHECK(facts.size == 4);
}

TEMPLATE_TEST_CASE("an empty file is a file", "", Real, Fake) {
    TestType world;
    auto& files = world.files();

    CHECK(world(files.write_durably(world / "empty", "")).has_value());

    CHECK(world(files.read(world / "empty", 0)).value().empty());
}

TEMPLATE_TEST_CASE("a file larger than the limit is refused, one of the limit is read", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.write_durably(world / "five", "12345")).has_value());

    CHECK(kind(world(files.read(world / "five", 4))) == FaultKind::refused);
    CHECK(world(files.read(world / "five", 5)).value() == "12345");
}

TEMPLATE_TEST_CASE("a part of a file is read from where it is asked, up to the end of the file", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.write_durably(world / "five", "12345")).has_value());

    CHECK(world(files.read_part(world / "five", 1, 3)).value() == "234");
    CHECK(world(files.read_part(world / "five", 3, 10)).value() == "45");
    CHECK(world(files.read_part(world / "five", 9, 1)).value().empty());
    CHECK(kind(world(files.read_part(world / "none", 0, 1))) == FaultKind::not_found);
    REQUIRE(world(files.make_directory(world / "d")).has_value());
    CHECK(kind(world(files.read_part(world / "d", 0, 1))) == FaultKind::refused);
}

TEMPLATE_TEST_CASE("what is not there is not found, and its path is named", "", Real, Fake) {
    TestType world;
    auto& files = world.files();

    const auto read = world(files.read(world / "none", 10));

    CHECK(kind(read) == FaultKind::not_found);
    CHECK(read.error().what.find(world / "none") != std::string::npos);
    CHECK(kind(world(files.inspect(world / "none"))) == FaultKind::not_found);
    CHECK(kind(world(files.list(world / "none", 10))) == FaultKind::not_found);
    CHECK(kind(world(files.volume(world / "none"))) == FaultKind::not_found);
    CHECK(kind(world(files.change_mode(world / "none", 0600))) == FaultKind::not_found);
    CHECK(kind(world(files.rename_durably(world / "none", world / "other"))) == FaultKind::not_found);
    CHECK(kind(world(files.write_durably(world / "none/file", ""))) == FaultKind::not_found);
    CHECK(kind(world(files.append_durably(world / "none/file", ""))) == FaultKind::not_found);
    CHECK(kind(world(files.make_fifo(world / "none/fifo"))) == FaultKind::not_found);
}

TEMPLATE_TEST_CASE("appending makes the file and adds to its end", "", Real, Fake) {
    TestType world;
    auto& files = world.files();

    CHECK(world(files.append_durably(world / "journal", "one\n")).has_value());
    CHECK(world(files.append_durably(world / "journal", "two\n")).has_value());

    CHECK(world(files.read(world / "journal", 100)).value() == "one\ntwo\n");
    CHECK(world(files.inspect(world / "journal")).value().mode == 0600);
}

TEMPLATE_TEST_CASE("removing succeeds whether it was there or not", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.write_durably(world / "fence", "x")).has_value());

    CHECK(world(files.remove_durably(world / "fence")).has_value());
    CHECK(world(files.remove_durably(world / "fence")).has_value());
    CHECK(world(files.remove_tree(world / "tree")).has_value());

    CHECK(kind(world(files.read(world / "fence", 1))) == FaultKind::not_found);
}

TEMPLATE_TEST_CASE("a directory is made with its parents, and left alone when it exists", "", Real, Fake) {
    TestType world;
    auto& files = world.files();

    CHECK(world(files.make_directory(world / "a/b/c")).has_value());
    CHECK(world(files.change_mode(world / "a/b/c", 0750)).has_value());
    CHECK(world(files.make_directory(world / "a/b/c")).has_value());

    CHECK(world(files.inspect(world / "a/b/c")).value().mode == 0750);
    CHECK(world(files.inspect(world / "a/b")).value().mode == 0700);
    CHECK(world(files.inspect(world / "a")).value().type == FileType::directory);
}

TEMPLATE_TEST_CASE("a directory is not made over a file, nor written or removed as one", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.write_durably(world / "file", "x")).has_value());
    REQUIRE(world(files.make_directory(world / "directory")).has_value());

    CHECK(kind(world(files.make_directory(world / "file"))) == FaultKind::conflict);
    CHECK(kind(world(files.remove_durably(world / "directory"))) == FaultKind::refused);
    CHECK(kind(world(files.read(world / "directory", 10))) == FaultKind::refused);
    CHECK(kind(world(files.write_durably(world / "directory", "x"))) == FaultKind::refused);
}

TEMPLATE_TEST_CASE("a whole tree is moved and removed", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.make_directory(world / "old/sub")).has_value());
    REQUIRE(world(files.write_durably(world / "old/sub/file", "x")).has_value());

    CHECK(world(files.rename_durably(world / "old", world / "new")).has_value());
    CHECK(world(files.read(world / "new/sub/file", 10)).value() == "x");
    CHECK(kind(world(files.inspect(world / "old"))) == FaultKind::not_found);

    CHECK(world(files.remove_tree(world / "new")).has_value());
    CHECK(kind(world(files.inspect(world / "new"))) == FaultKind::not_found);
}

TEMPLATE_TEST_CASE("many files are renamed at once, and what is not there is passed over", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.make_directory(world / "d")).has_value());
    REQUIRE(world(files.write_durably(world / "d/one", "1")).has_value());
    REQUIRE(world(files.write_durably(world / "d/two", "2")).has_value());
    REQUIRE(world(files.write_durably(world / "d/taken", "3")).has_value());

    std::vector<Rename> renames{{"one", "first"}, {"none", "nowhere"}, {"two", "taken"}};
    CHECK(world(files.rename_each_durably(world / "d", std::move(renames))).value() == 2);

    auto names = world(files.list(world / "d", 10)).value();
    std::ranges::sort(names);
    CHECK(names == std::vector<std::string>{"first", "taken"});
    CHECK(world(files.read(world / "d/taken", 10)).value() == "2");
    CHECK(world(files.rename_each_durably(world / "d", {})).value() == 0);
    CHECK(kind(world(files.rename_each_durably(world / "none", {}))) == FaultKind::not_found);
}

TEMPLATE_TEST_CASE("a directory that holds something is not replaced", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.make_directory(world / "from")).has_value());
    REQUIRE(world(files.make_directory(world / "to/sub")).has_value());

    CHECK(kind(world(files.rename_durably(world / "from", world / "to"))) == FaultKind::conflict);
}

TEMPLATE_TEST_CASE("a list has every name once, and more than the limit are refused", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.make_directory(world / "d/sub")).has_value());
    REQUIRE(world(files.write_durably(world / "d/one", "")).has_value());
    REQUIRE(world(files.write_durably(world / "d/sub/below", "")).has_value());

    auto names = world(files.list(world / "d", 2)).value();
    std::ranges::sort(names);

    CHECK(names == std::vector<std::string>{"one", "sub"});
    CHECK(kind(world(files.list(world / "d", 1))) == FaultKind::refused);
}

TEMPLATE_TEST_CASE("a FIFO is made once, and not over a file", "", Real, Fake) {
    TestType world;
    auto& files = world.files();
    REQUIRE(world(files.write_durably(world / "file", "")).has_value());

    CHECK(world(files.make_fifo(world / "fifo")).has_value());
    CHECK(world(files.make_fifo(world / "fifo")).has_value());

    CHECK(world(files.inspect(world / "fifo")).value().type == FileType::other);
    CHECK(kind(world(files.read(world / "fifo", 10))) == FaultKind::refused);
    CHECK(kind(world(files.make_fifo(world / "file"))) == FaultKind::conflict);
}

TEMPLATE_TEST_CASE("a volume says how much room it has", "", Real, Fake) {
    TestType world;
    REQUIRE(world(world.files().make_directory(world / "d")).has_value());

    const auto room = world(world.files().volume(world / "d")).value();

    CHECK(room.total_bytes > room.available_bytes);
}
