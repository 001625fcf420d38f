#pragma once
// Where the S3 store's secrets come from. Thread-safe as long as nobody changes the environment.

#include "object_store/sigv4.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::object_store {

// Reads them now: a mounted secret may have been renewed since the last call. What the settings name; when they name
// nothing, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. White space at the end is not part of it.
// unavailable: a file cannot be read (now). refused: nothing is configured, or a value is empty or not one line.
Result<Credentials> read_credentials(const S3Credentials& sources);

}  // namespace pgbosun::object_store
