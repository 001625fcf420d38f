#pragma once
// Reads secrets from where the settings say they are. Thread-safe as long as nobody changes the environment.

#include <functional>
#include <optional>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

// The environment, or a test's. nullopt also for an empty variable.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Up to 256 KiB. unavailable: it cannot be read (now).
Result<std::string> read_secret_file(const std::string& path);

// One line of printable characters; white space at the end is not part of it. unavailable: a file cannot be
// read (now). refused: not such a line. `name` is for the Fault: "the account key".
Result<std::string> read_secret(const SecretSource& source, const std::string& name, const Environment& environment);

}  // namespace pgbosun::object_store
