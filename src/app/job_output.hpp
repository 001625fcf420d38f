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

// Thread-safe. Text goes to a terminal twice a second on one line, elsewhere a line each ten seconds and for
// each step.
class JobOutput {
public:
    explicit JobOutput(JobFormat format);

    void progress(const JobProgress& progress);
    // The last line.
    void result(const JobResult& result);

private:
    using Clock = std::chrono::steady_clock;
    void write(const std::string& line);

    const JobFormat format_;
    const bool terminal_;
    std::mutex mutex_;  // guards what follows
    std::string step_;
    Clock::time_point step_began_{}, last_line_{};
};

}  // namespace pgbosun::app
