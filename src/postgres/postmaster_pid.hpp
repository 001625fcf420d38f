#pragma once
// Fact and decision: the lock file postmaster.pid, and whether the one who wrote it still lives; the lock of the socket.
//
// PostgreSQL refuses to start while kill(pid, 0) reaches the pid in the file, and in a container that number is soon
// somebody else's, a thread's even. The file is never deleted: a stale pid is overruled with the environment variable
// PG_GRANDPARENT_PID, for PostgreSQL ignores its own grandparent (CreateLockFile in utils/init/miscinit.c).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "pgbosun/fault.hpp"

namespace pgbosun::postgres {

enum class PostmasterState { starting, stopping, ready, standby };
enum class LockHolder { postmaster, single_user };

// The file grows while PostgreSQL starts: lines after the fifth may be missing yet.
struct PostmasterPid {
    int pid = 0;  // positive
    LockHolder holder = LockHolder::postmaster;
    std::string data_directory;
    std::int64_t started_at = 0;  // seconds since the epoch
    std::optional<int> port;
    std::string socket_directory;  // empty: none
    std::string listen_address;    // empty: none
    std::string shared_memory_key;
    std::optional<PostmasterState> state;
    bool operator==(const PostmasterPid&) const = default;
};

inline constexpr std::size_t longest_pid_file = 8192;

// corrupt: empty (a full disk or a power cut), or not what PostgreSQL writes.
Result<PostmasterPid> parse_postmaster_pid(std::string_view text);

enum class Liveness { alive, stopped, zombie };  // stopped: by SIGSTOP, or by a tracer

// What /proc says of the number in the file. Unreadable links are none: the process is of another user.
struct ProcessFacts {
    Liveness liveness = Liveness::alive;
    std::optional<std::string> executable;         // base name of /proc/<pid>/exe, " (deleted)" cut off
    std::optional<std::string> working_directory;  // of /proc/<pid>/cwd
    std::int64_t started_at = 0;                   // seconds since the epoch, right within two
};

struct PidFileFacts {
    std::optional<Result<PostmasterPid>> file;  // none: it is not there
    std::optional<ProcessFacts> process;        // none: /proc/<pid> is not there
    std::string data_directory;                 // ours, with links resolved
};

struct NoLock {};
// Start with PG_GRANDPARENT_PID=<pid>.
struct StaleLock {
    int pid = 0;
};
// A postmaster or single-user backend works on this directory: do not start.
struct LiveLock {
    int pid = 0;
    std::string reason;
};
// PostgreSQL will not start over it. Once kill_strays() answers 0 for this directory nobody holds it: rename it aside.
struct UnreadableLock {
    std::string reason;
};
using LockVerdict = std::variant<NoLock, StaleLock, LiveLock, UnreadableLock>;

LockVerdict judge_stale(const PidFileFacts& facts);

// The socket's lock, <socket>.lock, has the format of postmaster.pid, and PG_GRANDPARENT_PID helps against it only while
// both hold one number: a clone or a rewind brings no postmaster.pid. May it be removed once nothing works on
// `data_directory` (absolute)? Yes when that wrote it, or died before it wrote anything.
bool is_left_socket_lock(std::string_view text, const std::string& data_directory);

}  // namespace pgbosun::postgres
