#pragma once
// Azure Blob Storage's XML and connection strings, read with mistrust. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "object_store/s3_messages.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::object_store {

// List Blobs; `token` is the next marker. corrupt: not EnumerationResults, a blob without name or size, too
// many.
Result<S3Page> parse_blob_listing(std::string_view body);

// Put Block List: blocks by their identifiers (base64), in order.
std::string block_list(const std::vector<std::string>& ids);

struct ConnectionString {
    std::string account_key;  // base64; empty: none
    std::string sas;          // empty: none
};
// "DefaultEndpointsProtocol=https;AccountName=...;AccountKey=...". refused: neither a key nor a signature in
// it.
Result<ConnectionString> parse_connection_string(std::string_view text);

}  // namespace pgbosun::object_store
