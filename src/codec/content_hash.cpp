#include "codec/content_hash.hpp"

// With AVX where the processor has it; only there does the library have this.
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <array>
#include <new>

namespace pgbosun::codec {

struct ContentHash::State {
    struct Release {
        void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
    };
    std::unique_ptr<XXH3_state_t, Release> xxh{XXH3_createState()};
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
    if (!state_->xxh) throw std::bad_alloc();
    restart();
}
ContentHash::~ContentHash() = default;
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash& ContentHash::operator=(ContentHash&&) noexcept = default;

void ContentHash::restart() { XXH3_128bits_reset(state_->xxh.get()); }

void ContentHash::append(std::span<const std::byte> content) {
    XXH3_128bits_update(state_->xxh.get(), content.data(), content.size());
}

std::string ContentHash::text() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh.get()));
    std::string text = "xxh3-128:";
    for (const unsigned char byte : canonical.digest) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

std::string content_hash(std::span<const std::byte> content) {
    ContentHash hash;
    hash.append(content);
    return hash.text();
}

}  // namespace pgbosun::codec
