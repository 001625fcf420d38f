#pragma once
// The archiver as a child of PID 1: started again when it dies, told what it may do, listened to. PostgreSQL simply
// repeats what was under way when it died.

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/archiver_memory.hpp"
#include "pgbosun/archive_link.hpp"
#include "pgbosun/process_host.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::app {

class ArchiverProcess {
public:
    using OnReport = std::function<void(ArchiveReport)>;

    ArchiverProcess(boost::asio::io_context& loop, ProcessHost& processes, const Clock& clock, Command command,
                    OnReport on_report);
    ~ArchiverProcess();

    // Runs until stop(): starts the archiver, reads its reports, kills it when it hangs, and starts it again a second
    // after it has ended.
    Task<> keep_running();
    // Its end of the link closes: it finishes what is under way and ends.
    void stop();
    // It starts anew, with the configuration as it is now.
    void restart();
    void order(const ArchiveOrder& order);
    [[nodiscard]] bool running() const { return process_.has_value(); }
    // keep_running() has returned: it may be destroyed.
    [[nodiscard]] bool over() const { return over_; }

private:
    using Socket = boost::asio::local::stream_protocol::socket;
    Result<> start();
    Task<> read_reports();
    Task<> write_orders();
    void send();
    void kill_silent();
    void say_that_it_fails(std::string why);

    boost::asio::io_context& loop_;
    ProcessHost& processes_;
    const Clock& clock_;
    Command command_;
    OnReport on_report_;
    std::optional<ProcessId> process_;
    std::unique_ptr<Socket> link_;
    std::optional<ArchiveOrder> order_;
    ArchiverMemory memory_;
    std::optional<std::string> gone_since_;  // none of them has said a word since then
    std::string ended_with_;
    bool reported_ = false;  // this archiver, at least once
    bool silent_ = false;    // it has said nothing for too long
    bool order_unsent_ = false;
    bool writing_ = false;
    bool stopping_ = false;
    bool over_ = false;
};

}  // namespace pgbosun::app
