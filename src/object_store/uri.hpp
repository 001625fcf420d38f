#pragma once
// Percent-encoding as AWS Signature Version 4 defines it: all but A-Z a-z 0-9 - . _ ~ becomes %XX in upper case.

#include <optional>
#include <string>
#include <string_view>

namespace pgbosun::object_store {

std::string encode_uri(std::string_view text);
// As encode_uri, each '/' stays.
std::string encode_path(std::string_view text);
// Of a listing with encoding-type=url, where '+' is a space. nullopt: a '%' without two hex digits.
std::optional<std::string> decode_uri(std::string_view text);

}  // namespace pgbosun::object_store
