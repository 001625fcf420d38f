// Almost no input has the right checksum: the fuzzer's text is given one.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "backup/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun::backup;
    std::string text(reinterpret_cast<const char*>(data), size);
    if (!text.ends_with('\n')) text += '\n';
    Sha256 digest;
    digest.update(text);
    const auto manifest = parse_manifest(text + "\"Manifest-Checksum\": \"" + digest.hex() + "\"}\n");
    if (!manifest) return 0;
    const auto again = parse_manifest(render(*manifest));
    if (!again || *again != *manifest) std::abort();
    return 0;
}
