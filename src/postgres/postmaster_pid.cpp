#include "postgres/postmaster_pid.hpp"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace pgbosun::postgres {
namespace {

constexpr std::int64_t start_tolerance_s = 2;
constexpr std::size_t most_lines = 16;

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < most_lines) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return lines;
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

std::optional<PostmasterState> state_of(std::string_view text) {
    if (text == "starting") return PostmasterState::starting;
    if (text == "stopping") return PostmasterState::stopping;
    if (text == "ready") return PostmasterState::ready;
    if (text == "standby") return PostmasterState::standby;
    return std::nullopt;
}

std::unexpected<Fault> damaged(std::string what) {
    return fail(FaultKind::corrupt, "postmaster.pid " + std::move(what));
}

bool works_here(const ProcessFacts& process, const PostmasterPid& file, const std::string& data_directory) {
    if (process.liveness == Liveness::zombie) return false;
    if (process.executable && *process.executable != "postgres" && *process.executable != "postmaster") return false;
    if (process.working_directory) return process.executable && *process.working_directory == data_directory;
    // A process of our own user shows both links, and one of another user cannot open a directory of mode 0700.
    return process.executable && std::llabs(process.started_at - file.started_at) <= start_tolerance_s;
}

}  // namespace

Result<PostmasterPid> parse_postmaster_pid(std::string_view text) {
    if (text.size() > longest_pid_file) return damaged("is longer than PostgreSQL writes it");
    if (text.find_first_not_of('\0') == std::string_view::npos) return damaged("is empty");
    if (text.find('\0') != std::string_view::npos) return damaged("holds a NUL byte");
    const auto lines = lines_of(text);
    if (lines.size() < 3) return damaged("has only " + std::to_string(lines.size()) + " lines");

    const auto pid = whole_number<int>(trimmed(lines[0]));
    if (!pid || *pid == 0 || *pid < -0x7FFFFFFF) return damaged("does not begin with a process id");
    const auto started = whole_number<std::int64_t>(trimmed(lines[2]));
    if (!started || *started < 0 || *started > std::int64_t{1} << 40) return damaged("has no start time in line 3");
    if (lines[1].empty() || lines[1].front() != '/') return damaged("has no absolute path in line 2");

    PostmasterPid file{.pid = std::abs(*pid),
                       .holder = *pid < 0 ? LockHolder::single_user : LockHolder::postmaster,
                       .data_directory = std::string(lines[1]),
                       .started_at = *started};
    if (lines.size() > 3) file.port = whole_number<int>(trimmed(lines[3]));
    if (lines.size() > 4) file.socket_directory = lines[4];
    if (lines.size() > 5) file.listen_address = lines[5];
    if (lines.size() > 6) file.shared_memory_key = trimmed(lines[6]);
    if (lines.size() > 7) file.state = state_of(trimmed(lines[7]));
    return file;
}

LockVerdict judge_stale(const PidFileFacts& facts) {
    if (!facts.file) return NoLock{};
    if (!*facts.file) return UnreadableLock{facts.file->error().what};
    const PostmasterPid& file = **facts.file;
    if (facts.process && works_here(*facts.process, file, facts.data_directory))
        return LiveLock{
            file.pid, "process " + std::to_string(file.pid) + " is a PostgreSQL that works on " + facts.data_directory};
    return StaleLock{file.pid};
}

bool is_left_socket_lock(std::string_view text, const std::string& data_directory) {
    const auto lock = parse_postmaster_pid(text);
    if (!lock) return true;
    const auto plain = [](const std::string& path) { return std::filesystem::path(path).lexically_normal(); };
    return plain(lock->data_directory) == plain(data_directory);
}

}  // namespace pgbosun::postgres
