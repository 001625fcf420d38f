#pragma once
// A restored directory is proved: a server recovers in it, answers, and its data passes the checks. Shell.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/drill_server.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun::backup {

struct DrillOrder {
    DrillServer server;
    std::string user = "postgres";
    std::string database = "postgres";  // of the checks; where the cluster does not have it, postgres
    std::vector<std::string> checks;    // SQL, each must give one row with true
    bool amcheck = true;                // when pg_amcheck is installed
    // Recovery is over. Before that each connection would be refused, and be told in the server's log.
    std::function<bool()> is_up;
    // Asked now and then: a Fault ends the drill (the file system gets full).
    std::function<Result<>()> may_go_on;
    std::function<void(const std::string& step)> step;
    std::function<void(std::string_view line)> server_log;
};

// On the loop's thread; nobody else runs the loop, and the program has one thread.
class Drill {
public:
    using MakeSession = std::function<std::unique_ptr<PgSession>(const std::string& database)>;

    Drill(boost::asio::io_context& loop, ProcessHost& processes, MakeSession make_session, const DrillOrder& order,
          std::stop_token stop);
    // The server and all its processes have ended.
    ~Drill();
    Drill(const Drill&) = delete;
    Drill& operator=(const Drill&) = delete;

    // Success: recovery is over, and the server takes queries. refused: it ended before; `what` is the last thing that it
    // said. cancelled.
    Result<> recover();
    // Every check that failed, one line each; amcheck's findings too.
    Result<std::vector<std::string>> check();
    // "amcheck found nothing", or why it was not run. After check().
    [[nodiscard]] const std::string& amcheck_note() const { return amcheck_note_; }

private:
    struct Child;
    Result<> start(Child& child, Command command);
    // Runs the loop until `done` or the time is over; may_go_on() and the stop token end it.
    Result<> wait(Duration longest, const std::function<bool()>& done);
    Result<Rows> query(const std::string& database, const std::string& sql, Duration timeout);
    Result<std::string> database_of_checks();
    Result<> check_one(const std::string& database, const std::string& sql);
    Result<> run_amcheck(std::vector<std::string>& findings);
    void stop_server();

    boost::asio::io_context& loop_;
    ProcessHost& processes_;
    const MakeSession make_session_;
    const DrillOrder& order_;
    const std::stop_token stop_;
    std::shared_ptr<Child> server_, tool_;  // shared with the reaper's callbacks
    std::string amcheck_note_;
};

}  // namespace pgbosun::backup
