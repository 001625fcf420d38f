#pragma once
// Shell: a listing of the object store, all pages of it.

#include <string>
#include <vector>

#include "pgbosun/object_store.hpp"

namespace pgbosun::archive {

// Keys that begin with `prefix`, in their order. unavailable: the store does not answer all of it, or it has no end.
Result<std::vector<std::string>> listed_keys(ObjectStore& store, const std::string& prefix);

}  // namespace pgbosun::archive
