#pragma once
// From "put this object" to the signed HTTP request, to S3 or to the XML interface of Google Cloud Storage,
// which is the same but for some names. Pure but for the time it is given.

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "object_store/destination.hpp"
#include "object_store/http_client.hpp"
#include "object_store/sigv4.hpp"

namespace pgbosun::object_store {

enum class Addressing { path_style, virtual_host };
enum class Flavour { amazon, google };

// What a flavour calls things.
struct FlavourNames {
    SigningDialect signing;
    std::string service;          // that is signed for
    std::string metadata_prefix;  // of headers
    std::pair<std::string, std::string> if_absent;
    enum class Removal { many, one_by_one } removal = Removal::many;
};
const FlavourNames& names_of(Flavour flavour);

// Who asks: keys that sign, or a token.
struct BearerToken {
    std::string text;
};
using Authentication = std::variant<Credentials, BearerToken>;

// Where a bucket is and how it is addressed.
struct S3Address {
    Endpoint endpoint;
    std::string bucket;
    std::string region;
    Addressing addressing = Addressing::path_style;
    Flavour flavour = Flavour::amazon;
};

struct S3Operation {
    std::string method;
    std::string key;  // full, without '/' before it; empty: the bucket
    std::vector<std::pair<std::string, std::string>> query;
    std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
    std::span<const std::byte> body;
    std::string payload_hash;  // SHA-256 of the body, hex: computed once for all attempts
};

HttpRequest signed_request(const S3Address& address, const S3Operation& operation, const Authentication& who,
                           SigningTime time);

}  // namespace pgbosun::object_store
