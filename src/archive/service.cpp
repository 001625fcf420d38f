#include "archive/service.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <exception>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archiver.hpp"
#include "archive/connection.hpp"
#include "archive/link_wire.hpp"
#include "archive/restorer.hpp"
#include "archive/wal_streamer.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::archive {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Local = asio::local::stream_protocol;

constexpr auto tuple = asio::as_tuple(asio::use_awaitable);

constexpr int most_connections = 64;  // PostgreSQL has one of each kind at a time; the rest are people
constexpr int most_workers = 32;
constexpr std::chrono::seconds for_uploads_under_way{10};
constexpr std::chrono::milliseconds for_last_answers{200};
constexpr std::chrono::milliseconds between_reports{100};

class Service {
public:
    Service(const Settings& settings, ObjectStore& store, Serves serves)
        : path_(serves == Serves::recovery ? settings.recovery_socket() : settings.archive_socket()), serves_(serves),
          store_(store),
          archiver_(store, target_of(settings), workers_of(*settings.archive), {}, [this] { changed(); }),
          restorer_(store, settings.archive->server_name,
                    settings.state_directory() + (serves == Serves::recovery ? "/prefetch-recovery" : "/prefetch"),
                    workers_of(*settings.archive), {}, [this] { changed(); }) {
        if (serves == Serves::recovery || settings.archive->stream == Duration::zero()) return;
        streamer_.emplace(store, target_of(settings), settings.archive->stream, [this] { changed(); });
        archiver_.on_archived([this](const std::string& name) { streamer_->archived(name); });
    }

    int run() {
        if (!listen()) return 1;
        spawn(accept());
        spawn(read_orders());
        spawn(send_reports());
        signals_.async_wait([this](error_code error, int) {
            if (!error) io_.stop();
        });
        changed();
        io_.run();
        finish();
        return 0;
    }

private:
    static ArchiveTarget target_of(const Settings& settings) {
        const auto& archive = *settings.archive;
        return {archive.server_name, archive.wal.compression, archive.wal.level, settings.state_directory()};
    }
    static int workers_of(const ArchiveSettings& settings) {
        return std::clamp(settings.wal.max_parallel, 1, most_workers);
    }

    void spawn(asio::awaitable<void> work) {
        asio::co_spawn(io_, std::move(work), [](const std::exception_ptr& bug) {
            if (bug) std::rethrow_exception(bug);
        });
    }

    bool listen() {
        std::signal(SIGPIPE, SIG_IGN);
        std::signal(SIGHUP, SIG_IGN);
        error_code error;
        // Of an archiver that was killed; PID 1 runs one at a time.
        ::unlink(path_.c_str());
        if (path_.size() >= sizeof(sockaddr_un::sun_path)) {
            error = asio::error::name_too_long;
        } else {
            const auto mask = ::umask(0177);
            acceptor_.open(Local(), error);
            if (!error) acceptor_.bind(Local::endpoint(path_), error);
            ::umask(mask);
            if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
        }
        if (error) {
            log::error("The archiver cannot listen on its socket",
                       {{"socket", path_}, {"error", error.message()}, {"hint", "check run_dir"}});
        }
        return !error;
    }

    asio::awaitable<void> accept() {
        for (;;) {
            auto [error, socket] = co_await acceptor_.async_accept(tuple);
            if (error == asio::error::operation_aborted) co_return;
            if (error) {
                // Out of descriptors: those in use end.
                asio::steady_timer pause(io_, between_reports);
                co_await pause.async_wait(tuple);
                continue;
            }
            if (connections_ < most_connections) spawn(serve_counted(std::move(socket)));
        }
    }

    asio::awaitable<void> serve_counted(Local::socket socket) {
        ++connections_;
        co_await serve(std::move(socket), archiver_, restorer_);
        --connections_;
    }

    asio::awaitable<void> read_orders() {
        std::string text;
        for (;;) {
            auto buffer = asio::dynamic_buffer(text, longest_line);
            const auto [error, count] = co_await asio::async_read_until(input_, buffer, '\n', tuple);
            if (error) break;
            take_order(std::string_view(text).substr(0, count - 1));
            text.erase(0, count);
        }
        io_.stop();
    }

    void take_order(std::string_view line) {
        auto order = parse_order(line);
        if (!order) {
            log::error("An order from pgbosun was not understood", {{"error", order.error().text()}});
            return;
        }
        if (serves_ == Serves::recovery) {
            order->may_archive = false;
            order->promoting = false;
            order->stopping = false;
            order->reason = "this archiver serves a recovery only";
        }
        if (may_archive_ != order->may_archive)
            log::info(order->may_archive ? "This instance may archive" : "This instance may not archive",
                      {{"reason", order->reason}});
        may_archive_ = order->may_archive;
        if (streamer_) streamer_->obey(*order);
        restorer_.obey(*order);
        if (order->promoting) spawn(hurry_restores());
        archiver_.obey(std::move(*order));
    }

    // Who asked before the order has the patience that it had then.
    asio::awaitable<void> hurry_restores() {
        asio::steady_timer pause(io_, policy_of(Purpose::promote).patience.value());
        co_await pause.async_wait(tuple);
        restorer_.hurry();
    }

    // Any thread.
    void changed() {
        if (dirty_.exchange(true)) return;
        asio::post(io_, [this] { report_due_.cancel(); });
    }

    asio::awaitable<void> send_reports() {
        std::optional<ArchiveReport> last;
        asio::steady_timer pause(io_);
        for (;;) {
            report_due_.expires_after(heartbeat);
            if (!dirty_) co_await report_due_.async_wait(tuple);
            dirty_ = false;
            ArchiveReport report = archiver_.report();
            report.restored = restorer_.restored();
            report.awaited = restorer_.awaited();
            if (const auto trouble = restorer_.trouble()) {
                report.restore_failing_since = trouble->since;
                report.restore_error = trouble->why;
            }
            if (streamer_) report.stream = streamer_->report();
            note(last, report);
            const std::string line = render(report);
            last = std::move(report);
            const auto buffer = asio::buffer(line);
            const auto [error, count] = co_await asio::async_write(output_, buffer, tuple);
            // PID 1 has gone: the end of standard input says so too.
            if (error) co_return;
            pause.expires_after(between_reports);
            co_await pause.async_wait(tuple);
        }
    }

    static void note(const std::optional<ArchiveReport>& before, const ArchiveReport& now) {
        const auto error_before = before ? before->last_error : std::nullopt;
        if (now.last_error && now.last_error != error_before) {
            log::error(
                "WAL is not archived",
                {{"error", *now.last_error}, {"since", now.failing_since.value_or("")}, {"backlog", now.backlog}});
        } else if (!now.last_error && error_before) {
            log::info("WAL is archived again", {{"backlog", now.backlog}});
        }
        const auto restore_before = before ? before->restore_error : std::nullopt;
        if (now.restore_error && now.restore_error != restore_before) {
            log::error("WAL is not given back",
                       {{"error", *now.restore_error}, {"since", now.restore_failing_since.value_or("")}});
        } else if (!now.restore_error && restore_before) {
            log::info("WAL is given back again");
        }
        const auto stream_before = before ? before->stream.last_error : std::nullopt;
        if (now.stream.last_error && now.stream.last_error != stream_before) {
            log::warning("New WAL is not shipped",
                         {{"error", *now.stream.last_error}, {"since", now.stream.failing_since.value_or("")}});
        } else if (!now.stream.last_error && stream_before) {
            log::info("New WAL is shipped again");
        }
    }

    void finish() {
        error_code ignored;
        acceptor_.close(ignored);
        ::unlink(path_.c_str());
        archiver_.finish(std::chrono::steady_clock::now() + for_uploads_under_way);
        store_.cancel();
        if (streamer_) streamer_->finish();
        restorer_.finish();
        // What was answered just now still goes out, the last report too.
        io_.restart();
        io_.run_for(for_last_answers);
    }

    const std::string path_;
    const Serves serves_;
    ObjectStore& store_;
    asio::io_context io_{1};
    Local::acceptor acceptor_{io_};
    asio::posix::stream_descriptor input_{io_, ::dup(STDIN_FILENO)};
    asio::posix::stream_descriptor output_{io_, ::dup(STDOUT_FILENO)};
    asio::signal_set signals_{io_, SIGTERM, SIGINT};
    asio::steady_timer report_due_{io_};
    std::atomic<bool> dirty_ = false;
    int connections_ = 0;
    std::optional<bool> may_archive_;      // as told last
    std::optional<WalStreamer> streamer_;  // with archive.stream; before the archiver, which calls it
    Archiver archiver_;
    Restorer restorer_;
};

}  // namespace

int run_archiver(const Settings& settings, ObjectStore& store, Serves serves) {
    return Service(settings, store, serves).run();
}

}  // namespace pgbosun::archive
