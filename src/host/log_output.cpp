#include "host/log_output.hpp"

#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <mutex>

#include "host/boot_clock.hpp"
#include "host/log_line.hpp"

namespace pgbosun {
namespace host {
namespace {

// The sink's own lock is none: only direct writes come from many threads, and they take `direct_`.
class Output final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    void put(std::string_view line) { queue_ ? queue_->put(line) : write_directly(line); }
    [[nodiscard]] std::string render(const LogRecord& record) const {
        return format_ == LogFormat::json ? render_json(record) : render_text(record, colour_);
    }
    void use(int descriptor, LogFormat format) {
        descriptor_ = descriptor;
        format_ = format;
        // no-color.org
        colour_ = ::isatty(descriptor) == 1 && std::getenv("NO_COLOR") == nullptr ? Colour::ansi : Colour::none;
    }
    [[nodiscard]] int descriptor() const { return descriptor_; }
    std::unique_ptr<LogQueue>& queue() { return queue_; }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        put({message.payload.data(), message.payload.size()});
    }
    void flush_() override {}
    void write_directly(std::string_view line);

    int descriptor_ = STDOUT_FILENO;
    LogFormat format_ = LogFormat::json;
    Colour colour_ = Colour::none;
    std::mutex direct_;
    std::unique_ptr<LogQueue> queue_;
};

void Output::write_directly(std::string_view line) {
    const std::string text = std::string(line) + "\n";
    const std::lock_guard lock(direct_);
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t written = ::write(descriptor_, text.data() + done, text.size() - done);
        if (written >= 0) {
            done += static_cast<std::size_t>(written);
        } else if (errno == EAGAIN) {
            pollfd target{descriptor_, POLLOUT, 0};
            ::poll(&target, 1, -1);
        } else if (errno != EINTR) {
            return;  // nobody to tell
        }
    }
}

struct Log {
    std::shared_ptr<Output> output = std::make_shared<Output>();
    spdlog::logger logger{"pgbosun", output};
};

// Never destroyed: a destructor of something else may log.
Log& the_log() {
    static Log& log = *new Log;
    return log;
}

spdlog::level::level_enum level_of(log::Level level) {
    switch (level) {
        case log::Level::debug: return spdlog::level::debug;
        case log::Level::info: return spdlog::level::info;
        case log::Level::warning: return spdlog::level::warn;
        case log::Level::error: return spdlog::level::err;
    }
    std::unreachable();
}

std::string describe_lost(std::size_t lines) {
    const std::initializer_list<log::Field> fields{
        {"lost", lines}, {"hint", "stdout is not read fast enough: look at the container runtime's log driver"}};
    return the_log().output->render({log::Level::error, BootClock().wall(), "log lines were lost", fields});
}

}  // namespace

namespace log_output {

void use(int descriptor, LogFormat format, log::Level level) {
    the_log().output->use(descriptor, format);
    set_level(level);
}

void start(boost::asio::io_context& loop, LogFormat format, log::Level level, LogQueue::OnPressure on_pressure) {
    Output& output = *the_log().output;
    output.use(output.descriptor(), format);
    set_level(level);
    output.queue() = std::make_unique<LogQueue>(loop, output.descriptor(), std::move(on_pressure), describe_lost);
}

void stop() { the_log().output->queue() = nullptr; }

void set_level(log::Level level) { the_log().logger.set_level(level_of(level)); }

void pass_through(std::string line) { the_log().output->put(line); }

LogStatus status() {
    const auto& queue = the_log().output->queue();
    return queue ? queue->status(boot_now()) : LogStatus{};
}

void flush(Duration longest) {
    if (const auto& queue = the_log().output->queue()) queue->flush(longest);
}

}  // namespace log_output
}  // namespace host

void log::write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    auto& log = host::the_log();
    const auto as_spdlog = host::level_of(level);
    if (!log.logger.should_log(as_spdlog)) return;
    const std::string line = log.output->render({level, host::BootClock().wall(), message, fields});
    log.logger.log(as_spdlog, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace pgbosun
