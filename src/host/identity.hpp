#pragma once
// Who this process is, and on what it runs.

#include <sys/types.h>

#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::host {

// 32 hexadecimal digits, different for each run of the program: what a lease is granted to.
const std::string& boot_id();

bool is_pid_1();
uid_t effective_user();
// A container may run with a uid that no passwd entry knows (OpenShift): initdb and libpq then need help.
bool user_has_name();

// For `run_as`. Success: uid, gid and groups are those of `name` for good, and so is HOME. Must be called before any other process or
// descriptor that depends on privilege is made.
Result<> become_user(const std::string& name);

// Of the running kernel, whatever the image was made for.
bool kernel_is_at_least(int major, int minor);

// Our own oom_score_adj; 0 when it cannot be read.
int oom_score_adjustment();

}  // namespace pgbosun::host
