// What may lie in a store where an encrypted object should be. The first byte says where the rest is cut in two.
#include <cstdlib>

#include "object_store/object_cipher.hpp"

using namespace pgbosun;
using namespace pgbosun::object_store;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (bytes.empty()) return 0;
    const auto body = bytes.subspan(1);
    std::uint64_t handed_on = 0;
    const ObjectStore::Sink sink = [&](std::span<const std::byte> part) -> Result<> {
        handed_on += part.size();
        return {};
    };
    Unsealer unsealer("x", [](const KeyId&) { return parse_key(std::string(64, 'a'), "key"); }, sink);
    const std::size_t cut = std::min<std::size_t>(body.size(), data[0]);
    const bool taken = unsealer.take(body.first(cut)) && unsealer.take(body.subspan(cut)) && unsealer.finish();
    if (handed_on != unsealer.plain_bytes()) std::abort();
    if (taken && !looks_sealed(body) && handed_on != body.size()) std::abort();
    if (looks_sealed(body) && handed_on >= body.size()) std::abort();
    return 0;
}
