// What Azure, Google and who hands out their tokens may answer.
#include <cstdlib>

#include "object_store/azure_messages.hpp"
#include "object_store/digest.hpp"
#include "object_store/oauth_messages.hpp"

using namespace pgbosun::object_store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto page = parse_blob_listing(text)) {
        for (const auto& object : page->objects) {
            if (object.key.empty()) std::abort();
        }
    }
    if (const auto token = parse_access_token(text, {})) {
        if (token->value.find_first_of("\r\n ") != std::string::npos) std::abort();  // it goes into a header
    }
    if (const auto account = parse_service_account(text)) static_cast<void>(signed_assertion(*account, {}));
    static_cast<void>(parse_connection_string(text));
    if (const auto bytes = decode_base64(text)) {
        if (decode_base64(base64(*bytes)) != bytes && !bytes->empty()) std::abort();
    }
    return 0;
}
