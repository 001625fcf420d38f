#pragma once

namespace pgbosun::app {

// What every command of pgbosun ends with.
enum class ExitCode {
    done = 0,
    failed = 1,       // the reason is on stderr
    wrong_usage = 2,  // or configuration
    refused = 3,      // makes no sense now
    no_answer = 4,    // nobody answers
    // A person or a program asked a command to end that leaves work going on; as a shell shows these signals.
    interrupted = 130,  // SIGINT
    terminated = 143,   // SIGTERM
};

}  // namespace pgbosun::app
