#include "object_store/sealed_format.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "object_store/digest.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::string_view magic = "pgbosunE";
constexpr std::byte version{1};
constexpr std::size_t frame_overhead = frame_word_bytes + frame_tag_bytes;
constexpr std::uint32_t last_of_part = 1U << 31;
constexpr std::uint32_t last_of_object = 1U << 30;

// Where what is in a header: magic 8, version 1, zeros 3, part's number 4, part size 8, key 8, object 16,
// salt 32.
constexpr std::size_t version_at = 8, number_at = 12, part_size_at = 16, key_at = 24, object_at = 32, salt_at = 48;

template <class Number>
void put_number(std::span<std::byte> target, Number value) {
    for (std::size_t n = 0; n < sizeof value; ++n) {
        target[n] = static_cast<std::byte>(value >> (8 * (sizeof value - 1 - n)));
    }
}

template <class Number>
Number number_in(std::span<const std::byte> source) {
    Number value = 0;
    for (std::size_t n = 0; n < sizeof value; ++n) {
        value = static_cast<Number>(value << 8) | std::to_integer<Number>(source[n]);
    }
    return value;
}

std::optional<std::uint64_t> plain_size_of_part(std::uint64_t sealed) {
    if (sealed < part_header_bytes + frame_overhead) return std::nullopt;
    const std::uint64_t frames = sealed - part_header_bytes;
    const std::uint64_t full = frames / (frame_bytes + frame_overhead);
    const std::uint64_t rest = frames % (frame_bytes + frame_overhead);
    if (rest == 0) return full * frame_bytes;
    if (rest < frame_overhead || (rest == frame_overhead && full > 0)) return std::nullopt;
    return full * frame_bytes + rest - frame_overhead;
}

}  // namespace

std::string to_string(const KeyId& id) { return hex(id); }

HeaderBytes encode(const PartHeader& header) {
    HeaderBytes bytes{};
    std::memcpy(bytes.data(), magic.data(), magic.size());
    bytes[version_at] = version;
    put_number(std::span(bytes).subspan(number_at), header.number);
    put_number(std::span(bytes).subspan(part_size_at), header.part_size);
    std::copy(header.key.begin(), header.key.end(), bytes.begin() + key_at);
    std::copy(header.object.begin(), header.object.end(), bytes.begin() + object_at);
    std::copy(header.salt.begin(), header.salt.end(), bytes.begin() + salt_at);
    return bytes;
}

bool looks_sealed(std::span<const std::byte> first) {
    return first.size() >= magic.size() && std::memcmp(first.data(), magic.data(), magic.size()) == 0;
}

std::optional<PartHeader> decode_header(std::span<const std::byte> bytes) {
    if (bytes.size() < part_header_bytes || !looks_sealed(bytes) || bytes[version_at] != version) return std::nullopt;
    PartHeader header;
    header.number = number_in<std::uint32_t>(bytes.subspan(number_at));
    header.part_size = number_in<std::uint64_t>(bytes.subspan(part_size_at));
    const auto take = [&](auto& target, std::size_t at) {
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), target.size(), target.begin());
    };
    take(header.key, key_at);
    take(header.object, object_at);
    take(header.salt, salt_at);
    return header;
}

WordBytes encode(const FrameWord& word) {
    WordBytes bytes{};
    std::uint32_t value = word.length;
    if (word.end != FrameEnd::none) value |= last_of_part;
    if (word.end == FrameEnd::object) value |= last_of_object;
    put_number(std::span<std::byte>(bytes), value);
    return bytes;
}

std::optional<FrameWord> decode_word(std::span<const std::byte, frame_word_bytes> bytes) {
    const auto value = number_in<std::uint32_t>(bytes);
    FrameWord word{.length = value & ~(last_of_part | last_of_object)};
    if ((value & last_of_part) != 0) word.end = (value & last_of_object) != 0 ? FrameEnd::object : FrameEnd::part;
    if ((value & last_of_part) == 0 && (value & last_of_object) != 0) return std::nullopt;
    if (word.length > frame_bytes || (word.end == FrameEnd::none && word.length != frame_bytes)) return std::nullopt;
    return word;
}

std::uint64_t sealed_size(std::uint64_t plain) {
    const std::uint64_t frames = std::max<std::uint64_t>(1, (plain + frame_bytes - 1) / frame_bytes);
    return part_header_bytes + plain + frames * frame_overhead;
}

std::optional<std::uint64_t> plain_size(std::uint64_t sealed, std::uint64_t part_size) {
    if (part_size == 0) return plain_size_of_part(sealed);
    const std::uint64_t full = sealed / sealed_size(part_size);
    const std::uint64_t rest = sealed % sealed_size(part_size);
    if (rest == 0) return std::nullopt;  // the last part of an object is shorter, if only an empty one
    const auto last = plain_size_of_part(rest);
    if (!last) return std::nullopt;
    return full * part_size + *last;
}

}  // namespace pgbosun::object_store
