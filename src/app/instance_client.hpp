#pragma once
// An instance as a client command asks it: the HTTP API with its JSON (src/http/wire) already read.

#include <cstdint>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/journal.hpp"

namespace pgbosun::app {

struct StatusReply {
    InstanceStatus status;
    std::string json;  // as it was answered
};

enum class Outcome {
    done,
    under_way,
    refused,        // makes no sense now
    failed,         // it was tried
    not_allowed,    // the asker has not shown a right to it
    misunderstood,  // the request itself is wrong, or this instance does not know it
};
// What the answer's HTTP status means for a command.
Outcome outcome_of(int http_status);

struct CommandReply {
    Outcome outcome = Outcome::failed;
    std::string detail;
    std::string hint;
};

struct JobReply {
    Outcome outcome = Outcome::failed;
    std::string id;  // empty: not known yet
    std::string detail;
    std::string hint;
};

// Every call blocks. A Fault: unavailable or not_found when nobody answered in time (a command may have
// happened all the same), corrupt when what answered is no pgbosun, refused when it would not say.
class InstanceClient {
public:
    virtual ~InstanceClient() = default;

    virtual Result<StatusReply> status() = 0;
    // Waits for the end of it for `request.wait`; the time limit of the exchange is longer by
    // `answer_margin`.
    virtual Result<CommandReply> command(const ControlRequest& request) = 0;
    // Begins a backup.
    virtual Result<JobReply> start_backup(const JobRequest& request) = 0;
    // Ends one that is running, and removes none that is not.
    virtual Result<JobReply> cancel_backup(const std::string& id) = 0;
    // Entries with an id greater than `after`, oldest first.
    virtual Result<std::vector<JournalEntry>> journal(std::uint64_t after) = 0;
};

inline constexpr Duration answer_margin = std::chrono::seconds(10);

}  // namespace pgbosun::app
