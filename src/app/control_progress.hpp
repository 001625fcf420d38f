#pragma once
// How a command that is under way stands, judged by the instance's status.

#include <string>

#include "pgbosun/instance_control.hpp"

namespace pgbosun::app {

enum class Progress { going_on, reached, missed };

// Whether what `verb` asked for, at least `since_asked` ago, is so now. A checkpoint and a reload leave no trace in
// the status: always going_on. A role that has not changed may still do so: only a failed instance has missed it.
Progress judge(Verb verb, const InstanceStatus& status, Duration since_asked);

// "promoting: pg_basebackup, 1.2 GB of 4.0 GB"
std::string progress_text(const InstanceStatus& status);

}  // namespace pgbosun::app
