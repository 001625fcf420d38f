#include "supervision/job_memory.hpp"

#include <algorithm>
#include <charconv>

namespace pgbosun::supervision {
namespace {

constexpr std::size_t longest_text = 2000;

std::string one_line(std::string text) {
    text.resize(std::min(text.size(), longest_text));
    std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return text;
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// In microseconds since the epoch.
std::optional<WallTime> parse_time(std::string_view text) {
    const auto count = parse<std::int64_t>(text);
    if (!count) return std::nullopt;
    return WallTime(std::chrono::microseconds(*count));
}

std::string time_line(std::string_view name, const std::optional<WallTime>& time) {
    if (!time) return {};
    return std::string(name) + " " + std::to_string(time->time_since_epoch().count()) + "\n";
}

std::string text_line(std::string_view name, const std::string& text) {
    return text.empty() ? std::string() : std::string(name) + " " + one_line(text) + "\n";
}

void take(JobMemory& memory, std::string_view name, std::string_view value) {
    if (name == "backup_failed_at") memory.backup_failed_at = parse_time(value);
    if (name == "backup_error") memory.backup_error = value;
    if (name == "drill_at") memory.drill_at = parse_time(value);
    if (name == "drill_ok") memory.drill_ok = value == "yes";
    if (name == "drill_id") memory.drill_id = value;
    if (name == "drill_error") memory.drill_error = value;
    if (name == "drill_ok_at") memory.drill_ok_at = parse_time(value);
    if (name == "recovery_ms") memory.recovery_s = static_cast<double>(parse<std::int64_t>(value).value_or(0)) / 1000;
}

}  // namespace

void note_drill(JobMemory& memory, const JobResult& result, WallTime at) {
    memory.drill_at = at;
    memory.drill_ok = result.done;
    memory.drill_id = result.id;
    memory.drill_error = result.done ? "" : result.detail;
    if (!result.done) return;
    memory.drill_ok_at = at;
    memory.recovery_s = result.recovery_seconds;
}

bool take_drill(JobMemory& memory, const JobResult& result, WallTime at) {
    if (memory.drill_at && *memory.drill_at >= at) return false;
    note_drill(memory, result, at);
    return true;
}

std::string render(const JobMemory& memory) {
    return time_line("backup_failed_at", memory.backup_failed_at) + text_line("backup_error", memory.backup_error) +
           time_line("drill_at", memory.drill_at) + (memory.drill_ok ? "drill_ok yes\n" : "") +
           text_line("drill_id", memory.drill_id) + text_line("drill_error", memory.drill_error) +
           time_line("drill_ok_at", memory.drill_ok_at) + "recovery_ms " +
           std::to_string(static_cast<std::int64_t>(memory.recovery_s * 1000)) + "\n";
}

JobMemory parse_job_memory(std::string_view text) {
    JobMemory memory;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        if (const auto space = line.find(' '); space != std::string_view::npos) {
            take(memory, line.substr(0, space), line.substr(space + 1));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return memory;
}

}  // namespace pgbosun::supervision
