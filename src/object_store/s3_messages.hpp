#pragma once
// S3's XML: what it answers, read with mistrust, and what multi-object delete sends. Pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

struct S3Error {
    std::string code;     // "NoSuchKey"; empty when the body is no error document of S3
    std::string message;  // one line, printable, bounded
};

S3Error parse_error(std::string_view body);

struct S3Page {
    std::vector<ObjectFacts> objects;  // full keys, as the store knows them
    std::vector<std::string> prefixes;
    enum class More { no, yes } more = More::no;
    std::string token;  // continues the listing; empty: the store gave none
};

// corrupt: not a ListBucketResult, a size that is no number, a key that cannot be decoded, more than 1,000 entries.
Result<S3Page> parse_listing(std::string_view body);

// corrupt: no InitiateMultipartUploadResult with an identifier in it.
Result<std::string> parse_upload_id(std::string_view body);

// `tags`: of part 1, 2, ... as the store gave them.
std::string completion_request(const std::vector<std::string>& tags);
bool is_completion_result(std::string_view body);

struct UploadsPage {
    struct Upload {
        std::string key, id;
    };
    std::vector<Upload> uploads;
    enum class More { no, yes } more = More::no;
    std::string next_key, next_id;  // continue the listing
};

// corrupt: not a ListMultipartUploadsResult, an upload without key or identifier, more than 1,000.
Result<UploadsPage> parse_uploads(std::string_view body);

std::string delete_request(const std::vector<std::string>& keys);

// The first object that was not deleted; nullopt: all were. corrupt: not a DeleteResult.
Result<std::optional<S3Error>> parse_delete_result(std::string_view body);

}  // namespace pgbosun::object_store
