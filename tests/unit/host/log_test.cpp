#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>

#include "host/boot_clock.hpp"
#include "host/log_line.hpp"
#include "host/log_output.hpp"
#include "pgbosun/descriptor.hpp"
#include "support/catch.hpp"
#include "support/pipe.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using pgbosun::test::Pipe;
using namespace std::chrono_literals;
using host::LogPressure;
using host::LogQueue;

namespace {

const WallTime moment = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 1h + 41min + 32s + 725ms;

std::string lost_line(std::size_t lines) { return "lost " + std::to_string(lines); }

}  // namespace

TEST_CASE("a JSON line has its fields in order and is always valid") {
    CHECK(host::render_json({log::Level::info, moment, "started", {{"pid", 41}, {"ok", true}, {"why", "a \"b\"\n"}}}) ==
          R"({"level":"info","ts":"2026-11-21T01:41:32.725Z","logger":"pgbosun","msg":"started",)"
          R"("pid":41,"ok":true,"why":"a \"b\"\n"})");

    const std::vector<std::pair<std::string, std::string>> cases{
        {"\x01\x7f\\", "\\u0001\\u007f\\\\"},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
        {"\xF0\x9F\x9A\xA2", "\xF0\x9F\x9A\xA2"},
        {"\xFF", "\xEF\xBF\xBD"},
        {"\xC3", "\xEF\xBF\xBD"},
        {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                  // overlong
        {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},  // a surrogate
        {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    };
    for (const auto& [text, shown] : cases) {
        CAPTURE(shown);
        const auto line = host::render_json({log::Level::error, moment, text, {}});
        CHECK(line.substr(line.find("msg")) == "msg\":\"" + shown + "\"}");
    }
}

TEST_CASE("a line of another program has that program's name as its logger, once") {
    CHECK(host::render_json({log::Level::info, moment, "fixing", {{"logger", "init\"db"}, {"pid", 41}}}) ==
          R"({"level":"info","ts":"2026-11-21T01:41:32.725Z","logger":"init\"db","msg":"fixing","pid":41})");
    CHECK(host::render_text({log::Level::info, moment, "fixing", {{"logger", "initdb"}}}, host::Colour::none)
              .ends_with(" logger=initdb"));
}

TEST_CASE("a text line is one line that steers no terminal") {
    const auto line =
        host::render_text({log::Level::warning, moment, "a\x1b[2Jb\nc", {{"path", "x\ny"}}}, host::Colour::none);

    CHECK(line.starts_with("2026-11-21T01:41:32.725Z warning a [2Jb c "));
    CHECK(line.ends_with(" path=x y"));
}

TEST_CASE("before the start lines are written at once, from the level that was chosen") {
    Pipe pipe;
    host::log_output::use(pipe.writing.get(), LogFormat::text, log::Level::warning);

    log::info("quiet");
    log::warning("heard", {{"n", 1}});
    host::log_output::pass_through("{\"as\":\"it is\"}");
    const auto text = pipe.read_what_is_there();
    host::log_output::use(STDOUT_FILENO, LogFormat::json, log::Level::info);

    CHECK(text.find("quiet") == std::string::npos);
    CHECK(text.find("heard") != std::string::npos);
    CHECK(text.ends_with("n=1\n{\"as\":\"it is\"}\n"));
}

TEST_CASE("a reader that does not read stops nothing, and gets every line in order when it reads again") {
    boost::asio::io_context loop;
    Pipe pipe;
    std::vector<LogPressure> told;
    LogQueue queue(loop, pipe.writing.get(), [&](LogPressure pressure) { told.push_back(pressure); }, lost_line);
    std::string expected;
    const std::string filler(500, 'x');

    for (int i = 0; i < 1400; ++i) {
        const std::string line = std::to_string(i) + " " + filler;
        expected += line + "\n";
        queue.put(line);
    }
    CHECK(queue.status(host::boot_now()).waiting_bytes > LogQueue::limit / 2);
    CHECK_FALSE(queue.status(host::boot_now()).blocked_since);
    CHECK(queue.status(host::boot_now() + 2s).blocked_since);
    CHECK(told == std::vector{LogPressure::high});
    CHECK((::fcntl(pipe.writing.get(), F_GETFL) & O_NONBLOCK) == 0);

    std::string got;
    test::run_until(loop, [&] {
        got += pipe.read_what_is_there();
        return got.size() >= expected.size();
    });
    CHECK(got == expected);
    CHECK(told == std::vector{LogPressure::high, LogPressure::none});
    CHECK(queue.status(host::boot_now() + 2s).waiting_bytes == 0);
    CHECK_FALSE(queue.status(host::boot_now() + 2s).blocked_since);
    CHECK(queue.status(host::boot_now()).lost_lines == 0);
}

TEST_CASE("past the hard limit lines are lost, and the reader is told how many") {
    boost::asio::io_context loop;
    Pipe pipe;
    LogQueue queue(loop, pipe.writing.get(), nullptr, lost_line);
    const std::string line(1024 * 1024 - 1, 'x');

    for (int i = 0; i < 7; ++i) queue.put(line);

    std::string got;
    test::run_until(loop, [&] {
        got += pipe.read_what_is_there();
        return got.find("lost") != std::string::npos;
    });
    CHECK(queue.status(host::boot_now()).waiting_bytes == 0);
    const auto kept = (got.size() - got.size() % line.size()) / line.size();
    CHECK(kept >= 4);
    CHECK(got.ends_with("lost " + std::to_string(7 - kept) + "\n"));
    // Status goes on saying so after the reader was told.
    CHECK(queue.status(host::boot_now()).lost_lines == 7 - kept);
}

TEST_CASE("a flush waits for the reader no longer than it may") {
    boost::asio::io_context loop;
    Pipe pipe;
    LogQueue queue(loop, pipe.writing.get(), nullptr, lost_line);
    queue.put(std::string(100'000, 'x'));

    queue.flush(20ms);
    CHECK(queue.status(host::boot_now()).waiting_bytes > 0);
    pipe.read_what_is_there();
    queue.flush(1h);

    CHECK(queue.status(host::boot_now()).waiting_bytes == 0);
}

TEST_CASE("a reader that has gone for good does not make lines pile up") {
    boost::asio::io_context loop;
    ::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    LogQueue queue(loop, pipe.writing.get(), nullptr, lost_line);
    pipe.reading.reset();

    for (int i = 0; i < 10; ++i) queue.put("nobody reads this");

    CHECK(queue.status(host::boot_now()).waiting_bytes == 0);
    CHECK(queue.status(host::boot_now()).lost_lines == 10);
}
