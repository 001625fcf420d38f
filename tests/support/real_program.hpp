#pragma once
// Programs that a test starts on loopback, as real_etcd and real_kubernetes do.

#include <sys/types.h>

#include <string>
#include <vector>

namespace pgbosun::test {

// The first of `paths` that can be run. None: says `lacking`, and ends the test as skipped.
std::string find_program(const std::vector<std::string>& paths, const std::string& lacking);
// Free at this moment, for programs that take no port 0. That somebody else takes it first is seen as a start that fails.
int free_port();
// `output`: the file that it appends what it says to.
pid_t start_program(std::vector<std::string> words, const std::string& output);
// SIGKILL, and gone; `pid` is -1 afterwards, and may be before.
void end_program(pid_t& pid);

}  // namespace pgbosun::test
