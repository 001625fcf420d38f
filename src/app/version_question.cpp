#include "app/version_question.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "app/postgres_version.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

constexpr int oldest = 15;
constexpr std::size_t longest_quote = 200;  // bytes of what a program said
constexpr const char* wrong_directory = "postgresql.bin_dir must hold PostgreSQL's programs";

auto whole_seconds(Duration duration) { return std::chrono::duration_cast<std::chrono::seconds>(duration).count(); }

}  // namespace

VersionQuestion::VersionQuestion(boost::asio::io_context& loop, ProcessHost& processes, const Clock& clock,
                                 std::string program, VersionPatience patience)
    : clock_(clock), program_(std::move(program)), patience_(patience), tool_(loop, processes), given_up_(loop) {}

void VersionQuestion::give_up() {
    cancelled_ = true;
    tool_.signal(SIGKILL);
    given_up_.announce();
}

Result<> VersionQuestion::start(const std::shared_ptr<Answer>& answer) {
    Command command;
    command.program = program_;
    command.arguments = {"--version"};
    command.environment = {"LC_ALL=C"};
    command.on_line = [answer](std::string_view line) {
        if (answer->first_line.empty()) answer->first_line = line.substr(0, longest_quote);
        if (!answer->major) answer->major = parse_postgres_version(line);
    };
    const auto started = tool_.start(std::move(command));
    if (!started) return std::unexpected(started.error());
    return {};
}

void VersionQuestion::say_that_it_is_waited_for() {
    if (clock_.now() - last_line_ < patience_.between_lines) return;
    last_line_ = clock_.now();
    log::warning("waiting for " + program_ + " --version",
                 {{"waited_s", whole_seconds(clock_.now() - began_)},
                  {"at_most_s", whole_seconds(patience_.overall)},
                  {"hint", "a volume that wakes up, or a busy machine; SIGTERM ends it"}});
}

// Nothing: the time is over.
Task<std::optional<ExitStatus>> VersionQuestion::wait_for_its_end() {
    const Instant deadline = began_ + patience_.overall;
    for (;;) {
        const Duration left = std::max(deadline - clock_.now(), Duration::zero());
        const auto ended = co_await tool_.wait(std::min(left, patience_.between_lines));
        if (ended || cancelled_ || left == Duration::zero()) co_return ended;
        say_that_it_is_waited_for();
    }
}

Task<Result<int>> VersionQuestion::ask() {
    began_ = last_line_ = clock_.now();
    const auto answer = std::make_shared<Answer>();
    auto started = start(answer);
    // Its start was given up, and may go better; what is missing or forbidden stays so.
    while (!started && started.error().kind == FaultKind::unavailable && !cancelled_ &&
           clock_.now() - began_ < patience_.overall) {
        say_that_it_is_waited_for();
        co_await given_up_.wait(patience_.before_next_start);
        if (!cancelled_) started = start(answer);
    }
    std::optional<ExitStatus> ended;
    if (started) ended = co_await wait_for_its_end();
    if (cancelled_) co_return fail(FaultKind::cancelled, "pgbosun is ending");
    if (!started) {
        Fault fault = Fault(started.error()).in("asking PostgreSQL for its version");
        if (fault.hint.empty()) fault.hint = wrong_directory;
        co_return std::unexpected(std::move(fault));
    }
    if (!ended) {
        tool_.signal(SIGKILL);
        co_return fail(FaultKind::unavailable, program_ + " --version gives no answer",
                       "look at the volume that holds the program, and at the load of the machine");
    }
    if (!ended->success() || !answer->major) {
        std::string what = program_ + " does not tell its version: " + to_string(*ended);
        if (!answer->first_line.empty()) what += ", \"" + answer->first_line + "\"";
        co_return fail(FaultKind::refused, std::move(what), wrong_directory);
    }
    if (*answer->major < oldest) {
        co_return fail(FaultKind::refused, "PostgreSQL " + std::to_string(*answer->major) + " is not supported",
                       "use 15 or newer");
    }
    co_return *answer->major;
}

}  // namespace pgbosun::app
