#pragma once
// What a job says on standard output while it works: lines for a person, or include/pgbosun/job_link.hpp's
// JSON lines.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/job_link.hpp"

namespace pgbosun::app {

enum class JobFormat { text, json };

// "text" or "json".
std::optional<JobFormat> parse_job_format(std::string_view text);

// One line for a person: "copying: 1.2 GB of 4.0 GB (30 %), 310 MB/s, 9 s left". `elapsed`: since the step
// began.
std::string to_text(const JobProgress& progress, std::chrono::duration<double> elapsed);
std::string to_text(const JobResult& result);

// Decision: which progress is worth a line. Each new step is, and then one in each `pause`.
class ProgressPace {
public:
    using Time = std::chrono::steady_clock::time_point;
    using Pause = std::chrono::steady_clock::duration;

    explicit ProgressPace(Pause pause) : pause_(pause) {}
    // True: the line is written at `now`.
    bool due(const std::string& step, Time now);
    // Of the last step that due() was asked about.
    [[nodiscard]] Pause elapsed(Time now) const { return now - step_began_; }

private:
    Pause pause_;
    std::optional<std::string> step_;
    Time step_began_{}, last_line_{};
};

// Thread-safe. Text goes to a terminal twice a second on one line, elsewhere a line each ten seconds and for
// each step.
class JobOutput {
public:
    explicit JobOutput(JobFormat format);

    void progress(const JobProgress& progress);
    // The last line.
    void result(const JobResult& result);

private:
    void write(const std::string& line);

    const JobFormat format_;
    const bool terminal_;
    std::mutex mutex_;  // guards the pace, and keeps lines whole
    ProgressPace pace_;
};

}  // namespace pgbosun::app
