#pragma once
// Facts: the messages of etcd's v3 API as its JSON gateway has them (/v3/kv, /v3/lease, /v3/watch, /v3/auth). Keys and
// values are base64, 64-bit numbers are text, and what is zero is left out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::cluster_record {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

struct EtcdValue {
    std::string value;
    std::int64_t mod_revision = 0;
    std::int64_t lease = 0;  // 0: none
};

// What a range of one key, or a transaction on it, answers. All parsers: corrupt when it is something else.
struct EtcdAnswer {
    std::int64_t revision = 0;         // of the store
    bool succeeded = false;            // a transaction's condition held
    std::optional<EtcdValue> current;  // of the key; not told by a transaction that succeeded
};

std::string range_request(std::string_view key);
Result<EtcdAnswer> parse_range(std::string_view body);

// Puts `value` if the key is of `mod_revision` (0: does not exist), else tells what is there.
struct EtcdPut {
    std::string key, value;
    std::int64_t mod_revision = 0;
    std::int64_t lease = 0;
};
std::string put_request(const EtcdPut& put);
Result<EtcdAnswer> parse_put(std::string_view body);

struct EtcdLease {
    std::int64_t id = 0;
    std::int64_t ttl_s = 0;  // 0: it is gone
};
std::string grant_request(std::int64_t ttl_s);
std::string lease_request(std::int64_t id);  // keep alive, revoke
Result<EtcdLease> parse_lease(std::string_view body);

// Everything below `prefix`, from revision `from` on.
std::string watch_request(std::string_view prefix, std::int64_t from);
struct EtcdWatched {
    std::int64_t revision = 0;
    bool has_events = false;
    bool ended = false;          // the watch was cancelled by the server
    std::int64_t compacted = 0;  // older revisions are gone
};
// One line of the stream.
Result<EtcdWatched> parse_watched(std::string_view line);

std::string authenticate_request(std::string_view user, std::string_view password);
Result<std::string> parse_token(std::string_view body);

// What a refusal says, in etcd's words.
std::string parse_etcd_error(std::string_view body);

}  // namespace pgbosun::cluster_record
