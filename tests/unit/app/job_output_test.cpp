#include "app/job_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "archive/link_wire.hpp"
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

// What `work` writes to standard output, which is a file while it does.
std::vector<std::string> lines_of(const std::function<void()>& work) {
    const test::TemporaryDirectory directory;
    const std::string path = directory / "stdout";
    std::fflush(stdout);
    const int before = ::dup(STDOUT_FILENO);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::dup2(file, STDOUT_FILENO) == STDOUT_FILENO);
    work();
    std::fflush(stdout);
    ::dup2(before, STDOUT_FILENO);
    ::close(before);
    ::close(file);
    std::vector<std::string> lines;
    std::ifstream text(path);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

}  // namespace

TEST_CASE("a job's progress is a line for a person") {
    struct Row {
        JobProgress progress;
        std::chrono::duration<double> elapsed;
        const char* text;
    };
    const auto [progress, elapsed, text] = GENERATE(values<Row>({
        {{"", "waiting for a checkpoint", 0, 0}, 30s, "waiting for a checkpoint"},
        {{"", "copying", 1ULL << 30, 4ULL << 30}, 4s, "copying: 1.0 GB of 4.0 GB (25 %), 256 MB/s, 12s left"},
        // A rate of less than a second is a guess; of nothing there is none.
        {{"", "copying", 1ULL << 30, 4ULL << 30}, 900ms, "copying: 1.0 GB of 4.0 GB (25 %)"},
        {{"", "copying", 0, 4'096}, 10s, "copying: 0 B of 4.0 kB (0 %)"},
        {{"", "copying", 999, 0}, 1s, "copying: 999 B, 999 B/s"},
        // The total is an estimate: what was copied may be more.
        {{"", "copying", 5'120, 4'096}, 1s, "copying: 5.0 kB of 4.0 kB (100 %), 5.0 kB/s"},
        {{"", "copying", 1'000, 90'000}, 1s, "copying: 1.0 kB of 87.9 kB (1 %), 1.0 kB/s, 1min 29s left"},
        {{"", "copying", 1'000, 91'000}, 1s, "copying: 1.0 kB of 88.9 kB (1 %), 1.0 kB/s, 1min 30s left"},
        {{"", "copying", 1'000, 7'201'000}, 1s, "copying: 1.0 kB of 6.9 MB (0 %), 1.0 kB/s, 2h left"},
    }));

    CHECK(to_text(progress, elapsed) == text);
}

TEST_CASE("a job's result is a line for a person") {
    CHECK(to_text(JobResult{.done = true, .id = "20261121T010000", .detail = "12 files"}) ==
          "done: 20261121T010000: 12 files");
    CHECK(to_text(JobResult{.done = false, .detail = "the store is away", .hint = "try again"}) ==
          "failed: the store is away (hint: try again)");
    CHECK(to_text(JobResult{.done = true}) == "done");
}

TEST_CASE("each step has a line at once, and then one in each pause") {
    ProgressPace pace(10s);
    const ProgressPace::Time start{1h};

    CHECK(pace.due("copying", start));
    CHECK_FALSE(pace.due("copying", start + 9s));
    CHECK(pace.due("copying", start + 10s));
    CHECK_FALSE(pace.due("copying", start + 19s));
    CHECK(pace.elapsed(start + 19s) == 19s);

    CHECK(pace.due("waiting for WAL", start + 19s));
    CHECK(pace.elapsed(start + 20s) == 1s);
    CHECK_FALSE(pace.due("waiting for WAL", start + 28s));
    CHECK(pace.due("waiting for WAL", start + 29s));
}

TEST_CASE("a step without a name is a step too") {
    ProgressPace pace(10s);
    CHECK(pace.due("", ProgressPace::Time{}));
    CHECK_FALSE(pace.due("", ProgressPace::Time{1s}));
}

TEST_CASE("what a job reports in JSON is what PID 1 reads") {
    const JobProgress copying{"20261121T010000", "copying", 5, 10},
        waiting{"20261121T010000", "waiting for WAL", 10, 10};
    const JobResult result{.done = true, .id = "20261121T010000", .detail = "whole"};

    const auto lines = lines_of([&] {
        JobOutput output(JobFormat::json);
        output.progress(copying);
        output.progress(waiting);
        output.result(result);
    });

    REQUIRE(lines.size() == 3);
    CHECK(archive::parse_job_line(lines[0]) == JobLine(copying));
    CHECK(archive::parse_job_line(lines[1]) == JobLine(waiting));
    CHECK(archive::parse_job_line(lines[2]) == JobLine(result));
}

TEST_CASE("text that goes to no terminal is whole lines without escapes") {
    const auto lines = lines_of([&] {
        JobOutput output(JobFormat::text);
        output.progress({"", "copying", 5, 10});
        output.result({.done = false, .detail = "the store is away"});
    });

    CHECK(lines == std::vector<std::string>{"copying: 5 B of 10 B (50 %)", "failed: the store is away"});
}

TEST_CASE("the format of a job's report has two names") {
    CHECK(parse_job_format("text") == JobFormat::text);
    CHECK(parse_job_format("json") == JobFormat::json);
    for (const char* other : {"", "JSON", "yaml", "text "}) {
        CAPTURE(other);
        CHECK_FALSE(parse_job_format(other));
    }
}
