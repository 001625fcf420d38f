#include "archive/stream_layout.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "wal/hex.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::size_t generation_digits = 20;

std::string hex8(std::uint32_t value) {
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08X", value);
    return text.data();
}

bool all_digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string generation_at(std::uint64_t microseconds_since_epoch) {
    const std::string digits = std::to_string(microseconds_since_epoch);
    return std::string(generation_digits - digits.size(), '0') + digits;
}

std::string next_generation(std::uint64_t microseconds_since_epoch, std::string_view newest) {
    std::uint64_t last = 0;
    const auto [end, error] = std::from_chars(newest.data(), newest.data() + newest.size(), last);
    // One that no clock of ours can have said; there is none behind it.
    const bool is_ours = error == std::errc{} && end == newest.data() + newest.size() && last + 1 != 0;
    return generation_at(is_ours ? std::max(microseconds_since_epoch, last + 1) : microseconds_since_epoch);
}

std::string stream_prefix(std::string_view server) { return std::string(server) + "/stream/"; }

std::string stream_prefix(std::string_view server, wal::SegmentName segment) {
    return stream_prefix(server) + to_string(segment) + "/";
}

std::string stream_key(std::string_view server, wal::SegmentName segment, const StreamPiece& piece) {
    return stream_prefix(server, segment) + piece.generation + "-" + hex8(piece.begin) + "-" + hex8(piece.end) +
           std::string(extension(piece.encoding));
}

std::optional<StreamPiece> parse_stream_piece(std::string_view name) {
    constexpr std::size_t length = generation_digits + 18;  // "-XXXXXXXX-XXXXXXXX"
    if (name.size() < length) return std::nullopt;
    const auto generation = name.substr(0, generation_digits);
    const auto begin = wal::parse_hex8(name.substr(generation_digits + 1, 8));
    const auto end = wal::parse_hex8(name.substr(generation_digits + 10, 8));
    const auto encoding = encoding_of_key(name.substr(0, length), name);
    if (!all_digits(generation) || name[generation_digits] != '-' || name[generation_digits + 9] != '-' || !begin ||
        !end || !encoding || *begin >= *end) {
        return std::nullopt;
    }
    return StreamPiece{std::string(generation), *begin, *end, *encoding};
}

std::vector<StreamPiece> usable_pieces(std::vector<StreamPiece> pieces) {
    std::ranges::sort(pieces, [](const StreamPiece& left, const StreamPiece& right) {
        if (left.generation != right.generation) return left.generation > right.generation;
        if (left.begin != right.begin) return left.begin < right.begin;
        return left.end > right.end;
    });
    std::vector<StreamPiece> usable;
    for (const auto& piece : pieces) {
        if (!usable.empty() && piece.generation != usable.front().generation) break;
        const std::uint32_t reached = usable.empty() ? 0 : usable.back().end;
        if (piece.begin == reached) usable.push_back(piece);
    }
    return usable;
}

}  // namespace pgbosun::archive
