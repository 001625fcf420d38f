// What credential services may answer, and what may be in a shared file.
#include <cstdlib>

#include "object_store/aws_messages.hpp"

using namespace pgbosun::object_store;

namespace {

void check(const Credentials& credentials) {
    const std::string all = credentials.access_key_id + credentials.secret_access_key + credentials.session_token;
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) std::abort();
    if (all.find_first_of("\r\n ") != std::string::npos) std::abort();  // they go into headers
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto given = parse_metadata_credentials(text)) check(given->value);
    if (const auto given = parse_assumed_role(text)) check(given->value);
    if (const auto given = parse_shared_credentials(text, "default")) check(*given);
    static_cast<void>(parse_utc(text));
    return 0;
}
