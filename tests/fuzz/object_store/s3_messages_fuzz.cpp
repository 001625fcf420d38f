// What a store, or who stands between, may answer.
#include <cstdlib>

#include "object_store/s3_messages.hpp"
#include "object_store/uri.hpp"

using namespace pgbosun::object_store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto error = parse_error(body);
    if (error.message.size() > 300) std::abort();
    static_cast<void>(parse_delete_result(body));
    if (const auto page = parse_listing(body)) {
        if (page->objects.size() + page->prefixes.size() > 1000) std::abort();
        for (const auto& object : page->objects) {
            if (object.key.empty()) std::abort();
        }
    }
    static_cast<void>(parse_upload_id(body));
    static_cast<void>(is_completion_result(body));
    if (const auto page = parse_uploads(body)) {
        for (const auto& upload : page->uploads) {
            if (upload.key.empty() || upload.id.empty()) std::abort();
        }
    }
    static_cast<void>(decode_uri(body));
    if (decode_uri(encode_uri(body)) != std::string(body)) std::abort();
    return 0;
}
