#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "host/fifo_lines.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using host::FifoLines;
using host::LineSplitter;

namespace {

std::vector<std::string> split(std::string_view text, std::size_t longest, std::size_t at_once) {
    LineSplitter splitter(longest);
    std::vector<std::string> lines;
    const auto deliver = [&](std::string_view line) { lines.emplace_back(line); };
    for (std::size_t at = 0; at < text.size(); at += at_once) splitter.add(text.substr(at, at_once), deliver);
    splitter.end(deliver);
    return lines;
}

}  // namespace

TEST_CASE("lines are the same however their bytes arrive") {
    using Lines = std::vector<std::string>;
    const std::vector<std::pair<std::string, Lines>> cases{
        {"", {}},
        {"\n", {""}},
        {"\n\n", {"", ""}},
        {"a", {"a"}},
        {"a\nb", {"a", "b"}},
        {"abcd\n", {"abcd"}},
        {"abcd\n\n", {"abcd", ""}},
        {"abcde\n", {"abcd", "e"}},
        {"abcdefgh\nx\n", {"abcd", "efgh", "x"}},
        {"abcdefgh", {"abcd", "efgh"}},
        {"a\r\n", {"a\r"}},
    };
    for (const auto& [text, lines] : cases) {
        for (std::size_t at_once = 1; at_once <= 10; ++at_once) {
            CAPTURE(text, at_once);
            CHECK(split(text, 4, at_once) == lines);
        }
    }
}

TEST_CASE("lines come out of a FIFO while writers come and go") {
    boost::asio::io_context loop;
    test::TemporaryDirectory directory;
    REQUIRE(::mkfifo((directory / "log").c_str(), 0600) == 0);
    std::vector<std::string> lines;
    const auto fifo =
        FifoLines::open(loop, directory / "log", [&](std::string_view line) { lines.emplace_back(line); }).value();
    const auto write = [&](std::string_view text) {
        const Descriptor writer(::open((directory / "log").c_str(), O_WRONLY | O_NONBLOCK));
        REQUIRE(::write(writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    };

    write("one\ntw");
    write("o\n");
    test::run_until(loop, [&] { return lines.size() == 2; });
    fifo->pause();
    write("three\n");
    for (int turn = 0; turn < 3; ++turn) loop.run_one_for(std::chrono::milliseconds(1));
    CHECK(lines.size() == 2);
    fifo->resume();
    test::run_until(loop, [&] { return lines.size() == 3; });

    CHECK(lines == std::vector<std::string>{"one", "two", "three"});
}

TEST_CASE("what is not a FIFO is refused, and what is not there not found") {
    boost::asio::io_context loop;
    test::TemporaryDirectory directory;
    const Descriptor file(::open((directory / "file").c_str(), O_RDWR | O_CREAT, 0600));

    CHECK(FifoLines::open(loop, directory / "file", nullptr).error().kind == FaultKind::refused);
    CHECK(FifoLines::open(loop, directory / "none", nullptr).error().kind == FaultKind::not_found);
}
