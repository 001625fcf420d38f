// archive_command and restore_command: hands one request to the archiver over its Unix socket and exits as it says.
//
// PostgreSQL gives the exit status two opposite meanings. archive_command: 0 the file is durable, 1-125 try again,
// above 125 its archiver process dies: we never exit above 125. restore_command: 0 the file is there, 1-125 there is
// no such file (recovery ends and the server promotes), above 125 recovery stops, and with it the server: we exit 1 only
// when the archiver says so, and 255 when it cannot be asked. A standby is told 1 then: it streams next, and must live, and
// be promoted, without an archive. SIGTERM ends us, as PostgreSQL expects.
//
// A static program that links libc only and allocates nothing: PostgreSQL starts it for every segment.

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "pgbosun/hook_protocol.hpp"

namespace {

namespace hook = pgbosun::hook;

constexpr int exit_done = 0;
constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr int exit_stop_recovery = 255;

// How long an archiver that is not there is waited for: it is being restarted. An archive request is asked again by
// PostgreSQL anyway; a restore request would end recovery.
constexpr long archive_patience_ms = 5'000;
constexpr long restore_patience_ms = 60'000;
constexpr long between_attempts_ms = 50;
// A restore request outlives this many deaths of the archiver; each begins the patience anew.
constexpr int most_deaths = 100;
// A standby asks again when it does not stream, and waits for each file while it is promoted.
constexpr long follow_patience_ms = 5'000;
constexpr int most_deaths_for_standby = 1;
// The archiver answers a standby within 30 s.
constexpr long follow_answer_s = 45;
// The archiver answers an archive request within 30 s, if only "not yet"; one that hangs must not hold PostgreSQL's.
constexpr long archive_answer_s = 120;

constexpr char usage[] =
    "usage: pgbosun-wal archive PATH         archive_command = 'pgbosun-wal archive %p'\n"
    "       pgbosun-wal restore NAME PATH    restore_command = 'pgbosun-wal restore %f %p'\n"
    "       pgbosun-wal version\n"
    "Asks the archiver at the Unix socket named by PGBOSUN_ARCHIVE_SOCKET, else /run/pgbosun/archive.sock.\n"
    "Exit status of archive: 0 durable, 1 try again. Of restore: 0 done, 1 definitely not in the archive (or, in the\n"
    "data directory of a standby, that nobody answers), 255 stop recovery. 2: wrong usage.\n";

struct Request {
    char bytes[hook::longest_request];
    std::size_t length = 0;

    bool add(const char* text, std::size_t count) {
        if (count > sizeof bytes - length) return false;
        std::memcpy(bytes + length, text, count);
        length += count;
        return true;
    }
    bool add_field(const char* text) { return add(text, std::strlen(text) + 1); }
    // PostgreSQL's %p is relative to the data directory, where it starts us.
    bool add_path(const char* path) {
        char here[PATH_MAX];
        if (path[0] != '/') {
            if (getcwd(here, sizeof here) == nullptr) return false;
            if (!add(here, std::strlen(here)) || !add("/", 1)) return false;
        }
        return add_field(path);
    }
};

long now_ms() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

void say(const char* text) {
    static_cast<void>(!write(STDERR_FILENO, "pgbosun-wal: ", 13));
    static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text)));
    static_cast<void>(!write(STDERR_FILENO, "\n", 1));
}

const char* socket_path() {
    const char* given = std::getenv(hook::socket_variable);
    return given != nullptr && given[0] != '\0' ? given : hook::default_socket;
}

bool send_all(int connection, const Request& request) {
    std::size_t sent = 0;
    while (sent < request.length) {
        const ssize_t count = send(connection, request.bytes + sent, request.length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        sent += static_cast<std::size_t>(count);
    }
    return shutdown(connection, SHUT_WR) == 0;
}

// The answer byte; '\0' when the archiver died before it gave one. Its text goes to stderr.
char receive(int connection) {
    char answer[1 + hook::longest_text + 1];
    std::size_t length = 0;
    while (length < sizeof answer - 1) {
        const ssize_t count = recv(connection, answer + length, sizeof answer - 1 - length, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        length += static_cast<std::size_t>(count);
    }
    if (length == 0) return '\0';
    answer[length] = '\0';
    if (length > 1) say(answer + 1);
    return answer[0];
}

enum class Reach { nobody, died, answered };

struct Attempt {
    Reach reach = Reach::nobody;
    char answer = '\0';
};

struct Patience {
    long without_archiver_ms;
    long for_answer_s;  // 0: without end
    int deaths;         // of the archiver while it has the request
};

Attempt ask(const sockaddr_un& address, const Request& request, long for_answer_s) {
    const int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0) return {};
    const timeval timeout{for_answer_s, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    Attempt attempt;
    if (connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        attempt.reach = Reach::died;
        if (send_all(connection, request)) attempt.answer = receive(connection);
        if (attempt.answer != '\0') attempt.reach = Reach::answered;
    }
    close(connection);
    return attempt;
}

// '\0': nobody answered.
char ask_patiently(const sockaddr_un& address, const Request& request, const Patience& patience) {
    long deadline = now_ms() + patience.without_archiver_ms;
    for (int deaths = 0;;) {
        const Attempt attempt = ask(address, request, patience.for_answer_s);
        if (attempt.reach == Reach::answered) return attempt.answer;
        if (attempt.reach == Reach::died) {
            if (++deaths > patience.deaths) return '\0';
            deadline = now_ms() + patience.without_archiver_ms;
        }
        if (now_ms() >= deadline) return '\0';
        const timespec pause{0, between_attempts_ms * 1'000'000};
        nanosleep(&pause, nullptr);
    }
}

bool set_address(sockaddr_un& address) {
    const char* path = socket_path();
    if (std::strlen(path) >= sizeof address.sun_path) {
        say("the path of the archiver's socket is too long (hint: a shorter run_dir)");
        return false;
    }
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path);
    return true;
}

int archive(const char* path) {
    static Request request;
    sockaddr_un address{};
    if (!set_address(address)) return exit_failed;
    if (!request.add(hook::magic, sizeof hook::magic - 1) || !request.add_field("archive") || !request.add_path(path)) {
        say("the path is too long");
        return exit_failed;
    }
    const char answer = ask_patiently(address, request, {archive_patience_ms, archive_answer_s, 0});
    if (answer == hook::done) return exit_done;
    if (answer == '\0') say("the archiver does not answer; PostgreSQL will ask again");
    return exit_failed;
}

bool ends_with(const char* text, const char* end) {
    const std::size_t length = std::strlen(text), wanted = std::strlen(end);
    return length >= wanted && std::strcmp(text + length - wanted, end) == 0;
}

bool is_here(const char* file) { return access(file, F_OK) == 0; }

// Whether PostgreSQL, in whose data directory we are, turns to its upstream when it is told that there is no such file. While
// it is promoted it may ask for a last history when standby.signal is gone; it has a copy of its own then.
bool streams_next(const char* name) {
    if (ends_with(socket_path(), hook::recovery_socket_name)) return false;
    if (is_here("standby.signal")) return true;
    return ends_with(name, ".history") && is_here("PG_VERSION") && !is_here("recovery.signal");
}

int restore(const char* name, const char* path) {
    static Request request;
    sockaddr_un address{};
    if (!set_address(address)) return exit_stop_recovery;
    if (!request.add(hook::magic, sizeof hook::magic - 1) || !request.add_field("restore") ||
        !request.add_field(name) || !request.add_path(path)) {
        say("the path is too long");
        return exit_stop_recovery;
    }
    const bool follows = streams_next(name);
    const Patience patience = follows ? Patience{follow_patience_ms, follow_answer_s, most_deaths_for_standby}
                                      : Patience{restore_patience_ms, 0, most_deaths};
    const char answer = ask_patiently(address, request, patience);
    if (answer == hook::done) return exit_done;
    if (answer == hook::failed) return exit_failed;
    if (answer == '\0' && follows) {
        say("the archiver does not answer; a standby goes on without the archive");
        return exit_failed;
    }
    if (answer == '\0') say("the archiver does not answer; recovery stops here rather than end too early");
    return exit_stop_recovery;
}

bool is(const char* argument, const char* word) { return std::strcmp(argument, word) == 0; }

}  // namespace

int main(int count, char** arguments) {
    if (count == 3 && is(arguments[1], "archive")) return archive(arguments[2]);
    if (count == 4 && is(arguments[1], "restore")) return restore(arguments[2], arguments[3]);
    if (count == 2 && (is(arguments[1], "version") || is(arguments[1], "--version"))) {
        static_cast<void>(!write(STDOUT_FILENO, "pgbosun-wal " PGBOSUN_VERSION "\n",
                                 sizeof("pgbosun-wal " PGBOSUN_VERSION "\n") - 1));
        return exit_done;
    }
    if (count == 2 && (is(arguments[1], "--help") || is(arguments[1], "-h") || is(arguments[1], "help"))) {
        static_cast<void>(!write(STDOUT_FILENO, usage, sizeof usage - 1));
        return exit_done;
    }
    static_cast<void>(!write(STDERR_FILENO, usage, sizeof usage - 1));
    return exit_usage;
}
