#pragma once
// What a job (a child of PID 1, or of a person's shell, that backs up, restores or drills) says while it works: JSON
// objects, one a line, on its standard output when it was started with `--report json` (src/archive/link_wire, the
// only place that reads or writes them). Its log goes to standard error. It ends when it receives SIGTERM: cancelled.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "pgbosun/time.hpp"

namespace pgbosun {

// At most twice a second, and at each change of the step.
struct JobProgress {
    std::string id;    // of the backup
    std::string step;  // for people: "waiting for a checkpoint", "copying", "waiting for WAL 00...", "recovering"
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  // an estimate; 0: unknown
    bool operator==(const JobProgress&) const = default;
};

// The last line of a job that came to an end by itself.
struct JobResult {
    bool done = false;
    std::string id;      // of the backup that was made, restored or proved
    std::string detail;  // one line for a person: what was done, or why not
    std::string hint;
    std::uint64_t bytes = 0;   // of files
    std::uint64_t stored = 0;  // as they lie in the store
    double seconds = 0;
    double recovery_seconds = 0;  // a drill: from the first byte read to the server that answers
    // A drill that was not begun, for what was asked makes no sense now. That says nothing of any backup.
    bool refused = false;
    bool operator==(const JobResult&) const = default;
};

using JobLine = std::variant<JobProgress, JobResult>;

}  // namespace pgbosun
