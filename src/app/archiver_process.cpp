#include "app/archiver_process.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <tuple>
#include <utility>

#include "archive/link_wire.hpp"
#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"
#include "supervision/broadcast.hpp"

namespace pgbosun::app {
namespace {

constexpr auto quietly = boost::asio::as_tuple(boost::asio::use_awaitable);
constexpr Duration start_again = std::chrono::seconds(1);

}  // namespace

ArchiverProcess::ArchiverProcess(boost::asio::io_context& loop, ProcessHost& processes, const Clock& clock,
                                 Command command, OnReport on_report)
    : loop_(loop), processes_(processes), clock_(clock), command_(std::move(command)),
      on_report_(std::move(on_report)) {}

ArchiverProcess::~ArchiverProcess() = default;

Result<> ArchiverProcess::start() {
    auto ours = std::make_unique<Socket>(loop_);
    Socket theirs(loop_);
    boost::asio::local::connect_pair(*ours, theirs);
    // The child reads and writes with blocking calls.
    theirs.native_non_blocking(false);
    Command command = command_;
    command.descriptors = {{theirs.native_handle(), STDIN_FILENO}, {theirs.native_handle(), STDOUT_FILENO}};
    command.on_exit = [this](ExitStatus status) {
        process_.reset();
        link_.reset();
        ended_with_ = to_string(status);
        if (!stopping_) log::warning("the archiver ended with " + to_string(status) + "; it is started again");
    };
    const auto process = processes_.spawn(std::move(command));
    if (!process) return std::unexpected(process.error());
    process_ = *process;
    reported_ = silent_ = false;
    memory_.begin_anew(clock_.now());
    link_ = std::move(ours);
    order_unsent_ = order_.has_value();
    send();
    return {};
}

Task<> ArchiverProcess::keep_running() {
    supervision::Broadcast nobody(loop_);
    while (!stopping_) {
        const auto started = start();
        if (started) {
            co_await read_reports();
        } else {
            ended_with_ = started.error().what;
            log::error("the archiver cannot be started: " + started.error().what,
                       {{"hint", "it is tried again; look at the memory and process limits of the container"}});
        }
        // It ended before it could say a word: nobody else knows that no WAL is archived.
        if (!reported_ && !silent_ && !stopping_) {
            say_that_it_fails("the archiver does not run: " + ended_with_ + "; its last log line says why");
        }
        // One that hangs in the kernel ends when its disk answers; a second one would hang there too.
        do co_await nobody.wait(start_again);
        while (process_ && !stopping_);
    }
    over_ = !process_ && !writing_;
}

Task<> ArchiverProcess::read_reports() {
    std::string buffer;
    boost::asio::steady_timer silence(loop_);
    while (link_) {
        auto* const link = link_.get();
        silence.expires_after(longest_silence);
        silence.async_wait([this, link](const boost::system::error_code& error) {
            if (error || link_.get() != link) return;
            silent_ = true;
            link->cancel();
        });
        auto input = boost::asio::dynamic_buffer(buffer, archive::longest_line);
        const auto [error, size] = co_await boost::asio::async_read_until(*link, input, '\n', quietly);
        if (error && silent_ && link_.get() == link) kill_silent();
        if (error || link_.get() != link) co_return;
        silent_ = false;
        const auto report = archive::parse_report(std::string_view(buffer).substr(0, size - 1));
        buffer.erase(0, size);
        if (report) {
            reported_ = true;
            gone_since_.reset();
            on_report_(memory_.take(*report, clock_.now()));
        } else {
            log::warning("the archiver's report cannot be read: " + report.error().what);
        }
    }
}

void ArchiverProcess::kill_silent() {
    log::error("the archiver hangs: it is killed and started again",
               {{"silent_s", longest_silence.count()}, {"hint", "look at the disk or the mount that it works on"}});
    say_that_it_fails("the archiver hangs; it is started again when it has died");
    if (process_) std::ignore = processes_.signal(*process_, SIGKILL);
}

void ArchiverProcess::say_that_it_fails(std::string why) {
    ArchiveReport report = memory_.known();
    if (!gone_since_) gone_since_ = to_iso8601(clock_.wall());
    if (!report.failing_since) report.failing_since = gone_since_;
    report.last_error = std::move(why);
    on_report_(std::move(report));
}

void ArchiverProcess::order(const ArchiveOrder& order) {
    order_ = order;
    order_unsent_ = true;
    send();
}

void ArchiverProcess::send() {
    if (link_ && order_unsent_ && !writing_) spawn(loop_, write_orders());
}

Task<> ArchiverProcess::write_orders() {
    writing_ = true;
    while (link_ && order_unsent_) {
        order_unsent_ = false;
        const std::string line = archive::render(*order_);
        auto* const link = link_.get();
        const auto [error, size] = co_await boost::asio::async_write(*link, boost::asio::buffer(line), quietly);
        if (error) break;
    }
    writing_ = false;
}

void ArchiverProcess::stop() {
    stopping_ = true;
    if (link_) {
        boost::system::error_code ignored;
        link_->shutdown(Socket::shutdown_send, ignored);
    }
}

void ArchiverProcess::restart() {
    if (process_) std::ignore = processes_.signal(*process_, SIGTERM);
}

}  // namespace pgbosun::app
