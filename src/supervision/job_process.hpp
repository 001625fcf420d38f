#pragma once
// Shell: one run of a program that reports on its standard output, line by line, while its log goes to
// standard error.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "pgbosun/process_host.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::supervision {

class JobProcess {
public:
    // `longest_line`: a longer one ends the reading; what comes after is lost.
    JobProcess(boost::asio::io_context& loop, ProcessHost& processes, std::size_t longest_line);
    ~JobProcess();
    JobProcess(const JobProcess&) = delete;
    JobProcess& operator=(const JobProcess&) = delete;

    // `command.on_line` gets the log. Once in the life of this object.
    Result<> start(Command command, std::function<void(std::string_view line)> on_report);
    [[nodiscard]] bool running() const;
    void signal(int number);
    // The exit status, after the last line was reported. Nothing: still running after `timeout`.
    Task<std::optional<ExitStatus>> wait(Duration timeout);

private:
    struct State;
    std::shared_ptr<State> state_;  // shared with the reaper's callback and the reading
};

}  // namespace pgbosun::supervision
