#pragma once
// From the configuration to the store it names.

#include <memory>

#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

// Talks to nobody yet (a directory is created). refused: something in the settings must be changed, the hint says what.
Result<std::unique_ptr<ObjectStore>> open(const ArchiveSettings& settings);

}  // namespace pgbosun::object_store
