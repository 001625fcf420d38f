#include "app/job_output.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "app/work_text.hpp"
#include "archive/link_wire.hpp"

namespace pgbosun::app {
namespace {

constexpr ProgressPace::Pause between_json_lines = std::chrono::milliseconds(500);
constexpr ProgressPace::Pause between_terminal_lines = std::chrono::milliseconds(500);
constexpr ProgressPace::Pause between_text_lines = std::chrono::seconds(10);

}  // namespace

std::optional<JobFormat> parse_job_format(std::string_view text) {
    if (text == "text") return JobFormat::text;
    if (text == "json") return JobFormat::json;
    return std::nullopt;
}

std::string to_text(const JobProgress& progress, std::chrono::duration<double> elapsed) {
    const auto since_begin = std::chrono::duration_cast<Duration>(elapsed);
    return work_text(progress.step, progress.bytes_done, progress.bytes_total, since_begin);
}

std::string to_text(const JobResult& result) {
    std::string text = result.done ? "done" : "failed";
    if (!result.id.empty()) text += ": " + result.id;
    if (!result.detail.empty()) text += ": " + result.detail;
    if (!result.hint.empty()) text += " (hint: " + result.hint + ")";
    return text;
}

bool ProgressPace::due(const std::string& step, Time now) {
    const bool new_step = step != step_;
    if (new_step) step_began_ = now;
    if (!new_step && now - last_line_ < pause_) return false;
    step_ = step;
    last_line_ = now;
    return true;
}

JobOutput::JobOutput(JobFormat format)
    : format_(format), terminal_(format == JobFormat::text && ::isatty(STDOUT_FILENO) == 1),
      pace_(format == JobFormat::json ? between_json_lines
            : terminal_               ? between_terminal_lines
                                      : between_text_lines) {}

void JobOutput::progress(const JobProgress& progress) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!pace_.due(progress.step, now)) return;
    if (format_ == JobFormat::json) {
        write(archive::render(JobLine(progress)));
    } else {
        const auto text = to_text(progress, pace_.elapsed(now));
        write(terminal_ ? "\r\x1b[K" + text : text + "\n");
    }
}

void JobOutput::result(const JobResult& result) {
    const std::lock_guard lock(mutex_);
    if (format_ == JobFormat::json) return write(archive::render(JobLine(result)));
    write((terminal_ ? "\r\x1b[K" : "") + to_text(result) + "\n");
}

// Who reads may have gone: the job goes on, and its exit code tells.
void JobOutput::write(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

}  // namespace pgbosun::app
