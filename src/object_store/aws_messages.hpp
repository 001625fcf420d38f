#pragma once
// What AWS' credential services and its shared file say, read with mistrust. Pure. No Fault holds any of
// their text.

#include <optional>
#include <string>
#include <string_view>

#include "object_store/sigv4.hpp"
#include "object_store/token_cache.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

// {"AccessKeyId": ..., "SecretAccessKey": ..., "Token": ..., "Expiration": "2026-11-21T10:00:00Z"}: instance
// metadata and containers. corrupt: anything else.
Result<Expiring<Credentials>> parse_metadata_credentials(std::string_view json);

// AssumeRoleWithWebIdentityResponse. corrupt: anything else.
Result<Expiring<Credentials>> parse_assumed_role(std::string_view xml);

// The section of the profile in ~/.aws/credentials. nullopt: it is not there, or has no keys.
std::optional<Credentials> parse_shared_credentials(std::string_view text, std::string_view profile);

// "2026-11-21T10:00:00Z", with or without a fraction of a second.
std::optional<SigningTime> parse_utc(std::string_view text);

}  // namespace pgbosun::object_store
