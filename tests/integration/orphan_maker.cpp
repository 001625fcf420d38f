// Makes N processes that nobody waits for, by a double fork, as daemons do. They end in four ways, after their parent.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace {

[[noreturn]] void end(int number) {
    if (number % 4 == 0) ::raise(SIGKILL);
    constexpr int statuses[] = {0, 0, 2, 255};
    ::_exit(statuses[number % 4]);
}

[[noreturn]] void be_parent(int number) {
    int life_line[2];
    if (::pipe(life_line) != 0) ::_exit(1);
    const pid_t orphan = ::fork();
    if (orphan < 0) ::_exit(1);
    if (orphan > 0) ::_exit(0);
    ::close(life_line[1]);
    char nothing = 0;
    // Returns when the parent has gone: from then on this process is an orphan.
    [[maybe_unused]] const auto length = ::read(life_line[0], &nothing, 1);
    end(number);
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 1;
    const int orphans = std::atoi(arguments[1]);
    for (int i = 0; i < orphans; ++i) {
        const pid_t parent = ::fork();
        if (parent == 0) be_parent(i);
        int status = 0;
        if (parent < 0 || ::waitpid(parent, &status, 0) != parent || status != 0) return 1;
    }
    return 0;
}
