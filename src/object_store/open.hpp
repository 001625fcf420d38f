#pragma once
// From the configuration to the store it names.

#include <memory>

#include "object_store/directory_store.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

// Talks to nobody yet (a directory may be made). refused: something in the settings must be changed, the hint says what.
Result<std::unique_ptr<ObjectStore>> open(const ArchiveSettings& settings, MissingRoot missing = MissingRoot::make);

}  // namespace pgbosun::object_store
