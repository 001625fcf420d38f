#pragma once
// How an encrypted object is laid out. Pure.
//
// An object is one or more parts, numbered from 1; each is a header and frames, and is encrypted under a key
// of its own (HKDF-SHA256 of the key that the header names, with the header's salt), so that no nonce is ever
// used twice, whatever is written again. A frame is a word of 4 bytes (big-endian: the plaintext's length,
// and two flags), the ciphertext and a tag of 16 bytes: AES-256-GCM with the frame's number in the part as
// nonce, and header and word authenticated. The flags say "last frame of the part" and "last of the object":
// what is cut off is noticed.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace pgbosun::object_store {

inline constexpr std::size_t frame_bytes = 64 * 1024;  // of plaintext; the last frame of a part may have fewer
inline constexpr std::size_t frame_word_bytes = 4;
inline constexpr std::size_t frame_tag_bytes = 16;
inline constexpr std::size_t part_header_bytes = 80;

using KeyId = std::array<std::byte, 8>;
std::string to_string(const KeyId& id);  // 16 hexadecimal digits

struct PartHeader {
    KeyId key{};
    std::array<std::byte, 16> object{};  // random; the same in all parts
    std::array<std::byte, 32> salt{};    // random; of the part
    std::uint32_t number = 1;            // of the part
    std::uint64_t part_size = 0;         // plaintext of each part but the last; 0: there is one part
};

using HeaderBytes = std::array<std::byte, part_header_bytes>;
HeaderBytes encode(const PartHeader& header);

// Whether these first bytes (at least 8, or all there are) are of an encrypted object.
bool looks_sealed(std::span<const std::byte> first);
// nullopt: no header, or one of a later version.
std::optional<PartHeader> decode_header(std::span<const std::byte> bytes);

enum class FrameEnd { none, part, object };
struct FrameWord {
    std::uint32_t length = 0;
    FrameEnd end = FrameEnd::none;
};
using WordBytes = std::array<std::byte, frame_word_bytes>;
WordBytes encode(const FrameWord& word);
// nullopt: a frame that is too long, or one that is not full and not the last.
std::optional<FrameWord> decode_word(std::span<const std::byte, frame_word_bytes> bytes);

// Bytes of a part with so much plaintext.
std::uint64_t sealed_size(std::uint64_t plain);
// The plaintext of an object of `sealed` bytes. nullopt: no object has that size.
std::optional<std::uint64_t> plain_size(std::uint64_t sealed, std::uint64_t part_size);

}  // namespace pgbosun::object_store
