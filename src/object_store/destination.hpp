#pragma once
// archive.destination and archive.endpoint_url, taken apart. Strict: what is not understood is refused, with what to
// change. Pure.

#include <string>
#include <string_view>
#include <variant>

#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

struct DirectoryDestination {
    std::string path;  // absolute, without '/' at the end
};

struct S3Destination {
    std::string bucket;
    std::string prefix;  // "" or "path/": stands before each key
};

struct GcsDestination {
    std::string bucket;
    std::string prefix;  // as above
};

struct AzureDestination {
    std::string account;
    std::string container;
    std::string prefix;  // as above
};

using Destination = std::variant<DirectoryDestination, S3Destination, GcsDestination, AzureDestination>;

Result<Destination> parse_destination(std::string_view url);

struct Endpoint {
    std::string scheme;  // "http" or "https"
    std::string host;    // with ":port" when one was given that is not the scheme's own
    std::string path;    // "" or "/path": stands before the bucket
};

Result<Endpoint> parse_endpoint(std::string_view url);

// A key as the port defines it: relative, without empty, "." or ".." parts or control characters, at most 1,000 bytes.
Result<> check_key(std::string_view key);

}  // namespace pgbosun::object_store
