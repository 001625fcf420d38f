#pragma once
// errno as a Fault: which kind it is, and what an operator can do about it.

#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::host {

// `what` says what was tried and on which path; the system's text is added.
Fault system_fault(int error, std::string what);
std::unexpected<Fault> system_failure(int error, std::string what);

}  // namespace pgbosun::host
