#pragma once
// Shell: which PostgreSQL this is, asked of its own program before anything else is done with it. The volume may be
// waking up and the machine may be busy: a program that is slow is waited for, one that is missing or another is not.

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "pgbosun/process_host.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"
#include "supervision/broadcast.hpp"
#include "supervision/tool_run.hpp"

namespace pgbosun::app {

struct VersionPatience {
    Duration overall = std::chrono::seconds(60);
    Duration between_lines = std::chrono::seconds(5);  // of the log, that tell what is waited for
    Duration before_next_start = std::chrono::seconds(1);
};

class VersionQuestion {
public:
    // `program`: postgres, by its full path.
    VersionQuestion(boost::asio::io_context& loop, ProcessHost& processes, const Clock& clock, std::string program,
                    VersionPatience patience = {});

    // The major version, once. unavailable: no answer in time; cancelled: by give_up(). All else is a matter of
    // postgresql.bin_dir: not_found, or refused when it is no PostgreSQL that we know how to run.
    Task<Result<int>> ask();
    void give_up();
    [[nodiscard]] bool running() const { return tool_.running(); }

private:
    // What the program has said; shared with the reading of its output, which may outlive the question.
    struct Answer {
        std::optional<int> major;
        std::string first_line;
    };
    Result<> start(const std::shared_ptr<Answer>& answer);
    Task<std::optional<ExitStatus>> wait_for_its_end();
    void say_that_it_is_waited_for();

    const Clock& clock_;
    const std::string program_;
    const VersionPatience patience_;
    supervision::ToolRun tool_;
    supervision::Broadcast given_up_;
    bool cancelled_ = false;
    Instant began_{}, last_line_{};
};

}  // namespace pgbosun::app
