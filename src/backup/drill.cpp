#include "backup/drill.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <deque>
#include <optional>
#include <unistd.h>

#include "backup/server_session.hpp"

namespace pgbosun::backup {
namespace {

using namespace std::chrono_literals;

constexpr Duration look_again = 50ms;
constexpr Duration longest_drill = 48h;  // of recovery
constexpr Duration longest_stop = 60s;
constexpr Duration first_answer = 2s;
constexpr Duration longest_check = 6h;
constexpr Duration for_catalog = 1min;
constexpr int most_looks_at_strays = 1200;  // a minute
constexpr std::size_t kept_lines = 20;
constexpr std::size_t most_amcheck_findings = 100;

bool says_true(const Rows& rows) {
    return rows.rows.size() == 1 && rows.rows.front().size() == 1 && rows.rows.front().front() == "t";
}

}  // namespace

struct Drill::Child {
    std::optional<ProcessId> process;
    std::optional<ExitStatus> ended;
    std::deque<std::string> lines;  // the last ones

    void keep(std::string_view line) {
        if (lines.size() == kept_lines) lines.pop_front();
        lines.emplace_back(line);
    }
    // The last that sounds like a reason.
    [[nodiscard]] std::string reason() const {
        for (const char* word : {"FATAL", "PANIC", "ERROR"}) {
            for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
                if (line->find(word) != std::string::npos) return *line;
            }
        }
        return lines.empty() ? (ended ? to_string(*ended) : "it said nothing") : lines.back();
    }
};

Drill::Drill(boost::asio::io_context& loop, ProcessHost& processes, MakeSession make_session, const DrillOrder& order,
             std::stop_token stop)
    : loop_(loop), processes_(processes), make_session_(std::move(make_session)), order_(order), stop_(std::move(stop)),
      server_(std::make_shared<Child>()), tool_(std::make_shared<Child>()) {}

Drill::~Drill() { stop_server(); }

Result<> Drill::start(Child& child, Command command) {
    const auto& shared = &child == server_.get() ? server_ : tool_;
    command.on_line = [this, shared](std::string_view line) {
        shared->keep(line);
        if (shared == server_ && order_.server_log) order_.server_log(line);
    };
    command.on_exit = [shared](ExitStatus status) { shared->ended = status; };
    const auto process = processes_.spawn(std::move(command));
    if (!process) return std::unexpected(process.error());
    child.process = *process;
    return {};
}

Result<> Drill::wait(Duration longest, const std::function<bool()>& done) {
    const auto until = std::chrono::steady_clock::now() + longest;
    while (!done()) {
        if (stop_.stop_requested()) return fail(FaultKind::cancelled, "the drill was cancelled");
        if (auto fine = order_.may_go_on(); !fine) return fine;
        if (std::chrono::steady_clock::now() >= until) return fail(FaultKind::unavailable, "it takes too long");
        loop_.restart();
        loop_.run_one_for(std::chrono::duration_cast<std::chrono::milliseconds>(look_again));
    }
    return {};
}

Result<Rows> Drill::query(const std::string& database, const std::string& sql, Duration timeout) {
    const auto session = make_session_(database);
    return ServerSession(loop_, *session, stop_).query(sql, {}, timeout);
}

Result<> Drill::recover() {
    order_.step("recovering");
    if (auto started = start(*server_, drill_server_command(order_.server)); !started) return started;
    // The connection is a new one each time, which says that there is one to be had.
    bool answers = false;
    std::chrono::steady_clock::time_point next_look{};
    const auto look = [&] {
        if (server_->ended) return true;
        if (std::chrono::steady_clock::now() < next_look) return false;
        next_look = std::chrono::steady_clock::now() + look_again;
        if (!order_.is_up()) return false;
        const auto rows = query("postgres", "select not pg_is_in_recovery()", first_answer);
        answers = rows && says_true(*rows);
        return answers;
    };
    if (auto waited = wait(longest_drill, look); !waited) return waited;
    if (answers) return {};
    return fail(FaultKind::refused, "recovery failed: " + server_->reason(),
                "the lines of PostgreSQL's log before this one say more");
}

Result<std::string> Drill::database_of_checks() {
    constexpr std::string_view question = "select exists (select from pg_database where datname = $1 and datallowconn)";
    const auto session = make_session_("postgres");
    const auto rows = ServerSession(loop_, *session, stop_).query(question, {order_.database}, for_catalog);
    if (!rows) return std::unexpected(rows.error());
    return says_true(*rows) ? order_.database : "postgres";
}

Result<> Drill::check_one(const std::string& database, const std::string& sql) {
    // As a user's session has it; ours begin without.
    constexpr std::string_view usual_path = R"(select set_config('search_path', '"$user", public', false))";
    const auto session = make_session_(database);
    ServerSession asking(loop_, *session, stop_);
    if (auto set = asking.query(usual_path, {}, first_answer); !set) return std::unexpected(std::move(set.error()));
    const auto rows = asking.query(sql, {}, longest_check);
    if (!rows) return std::unexpected(rows.error());
    if (says_true(*rows)) return {};
    return fail(FaultKind::refused, "it did not give one row with true");
}

Result<std::vector<std::string>> Drill::check() {
    std::vector<std::string> findings;
    const auto database = order_.checks.empty() ? Result<std::string>() : database_of_checks();
    if (!database) return std::unexpected(database.error());
    for (const auto& sql : order_.checks) {
        order_.step("checking: " + sql);
        const auto checked = check_one(*database, sql);
        if (!checked && checked.error().kind == FaultKind::cancelled) return std::unexpected(checked.error());
        if (!checked) findings.push_back("check \"" + sql + "\": " + checked.error().what);
    }
    if (auto ran = run_amcheck(findings); !ran) return std::unexpected(std::move(ran.error()));
    return findings;
}

Result<> Drill::run_amcheck(std::vector<std::string>& findings) {
    auto command = amcheck_command(order_.server, order_.user);
    if (!order_.amcheck || ::access(command.program.c_str(), X_OK) != 0) {
        amcheck_note_ = order_.amcheck ? "pg_amcheck is not installed" : "";
        return {};
    }
    order_.step("pg_amcheck");
    if (auto started = start(*tool_, std::move(command)); !started) return started;
    auto waited = wait(longest_check, [this] { return tool_->ended.has_value(); });
    if (!waited) {
        std::ignore = processes_.signal(*tool_->process, SIGKILL);
        return waited;
    }
    if (tool_->ended->success()) {
        amcheck_note_ = "pg_amcheck found nothing";
        return {};
    }
    for (const auto& line : tool_->lines) {
        if (findings.size() < most_amcheck_findings) findings.push_back("pg_amcheck: " + line);
    }
    if (tool_->lines.empty()) findings.push_back("pg_amcheck: " + to_string(*tool_->ended));
    return {};
}

// Nothing of it is needed any more: at once, and whatever is left of it.
void Drill::stop_server() {
    const auto ends = [this](int number, Duration longest) {
        if (!server_->process || server_->ended) return;
        std::ignore = processes_.signal(*server_->process, number);
        const auto until = std::chrono::steady_clock::now() + longest;
        while (!server_->ended && std::chrono::steady_clock::now() < until) {
            loop_.restart();
            loop_.run_one_for(std::chrono::duration_cast<std::chrono::milliseconds>(look_again));
        }
    };
    ends(SIGQUIT, longest_stop);
    ends(SIGKILL, longest_stop);
    for (int look = 0; look < most_looks_at_strays; ++look) {
        if (processes_.kill_strays(order_.server.data_directory) == 0) return;
        loop_.restart();
        loop_.run_one_for(std::chrono::duration_cast<std::chrono::milliseconds>(look_again));
    }
}

}  // namespace pgbosun::backup
