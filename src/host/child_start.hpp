#pragma once
// What happens in a child between fork and its own work. Everything is prepared before the fork; the parent must
// have one thread only.

#include <sys/types.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/descriptor.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun::host {

// A program about to be executed, with argv and envp in the form that execve wants.
class ChildStart {
public:
    // Borrows `command`. `output` becomes the child's stdout and stderr; -1: /dev/null. A failure before or in
    // execve is written to `failure` as {errno, Step}.
    ChildStart(const Command& command, int output, int failure);

    enum class Step : int { start, chdir, descriptors, exec };
    struct Failure {
        int error;
        Step step;
    };

    // In the child.
    [[noreturn]] void run(pid_t parent);

private:
    [[noreturn]] void fail_at(Step step) const;
    void place_descriptors();
    void raise_oom_score() const;

    const Command& command_;
    int output_;
    int failure_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
    std::vector<int> lifted_;  // copies of the descriptors above every number asked for
};

// For any child: session of its own, default signal dispositions but for `ignored`, then an empty mask, umask 077, the
// death signal set. Does not return when the parent has died already.
void begin_child(pid_t parent, int death_signal, std::span<const int> ignored = {});

// /dev/null as stdin and stdout; closes all else but stderr and `keep`.
void keep_descriptors(std::span<const int> keep);

}  // namespace pgbosun::host
