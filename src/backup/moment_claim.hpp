#pragma once
// Of the instances of a cluster, the first one to ask does what is due at a scheduled moment.

#include <string>

#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

enum class MomentClaim { ours, of_another };

// Puts `text` at `key`, unless somebody was there before. `text` is like that of no other claim, of this instance's own
// neither: a store that carried out the upload and lost its answer says that the object is there, and only by its
// content is it known to be ours. unavailable: nobody knows whose it is.
Result<MomentClaim> claim_moment(ObjectStore& store, const std::string& key, const std::string& text);

}  // namespace pgbosun::backup
