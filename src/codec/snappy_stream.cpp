// Snappy's framing format (google/snappy, framing_format.txt), as Python's snappy writes it. It has no end mark: a
// stream that was cut between two chunks is not noticed here, but by the size of a segment and the end of a tar.

#include <snappy-c.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

#include "codec/crc32c.hpp"
#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

constexpr std::size_t header_bytes = 4;  // type, length of what follows
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t most_content = 65536;  // of a chunk, uncompressed
constexpr std::size_t longest_chunk = checksum_bytes + 32 + most_content + most_content / 6;
constexpr std::string_view identifier = "sNaPpY";

enum ChunkType : unsigned {
    compressed_data = 0x00,
    plain_data = 0x01,
    first_skippable = 0x80,
    stream_identifier = 0xff
};

unsigned at(std::span<const std::byte> bytes, std::size_t place) { return std::to_integer<unsigned>(bytes[place]); }

std::uint32_t masked_crc(std::span<const std::byte> content) {
    const std::uint32_t crc = crc32c(0, content);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

class SnappyDecompressor final : public Decompressor {
public:
    SnappyDecompressor() : buffer_(most_content) { pending_.reserve(longest_chunk); }

    void begin(std::uint64_t limit) override {
        limit_.begin(limit);
        pending_.clear();
        wanted_ = header_bytes;
        skipping_ = 0;
        in_chunk_ = false;
        identified_ = false;
    }

    Result<> feed(std::span<const std::byte> compressed, const Sink& sink) override {
        while (!compressed.empty()) {
            const std::size_t taken =
                std::min(compressed.size(), skipping_ > 0 ? skipping_ : wanted_ - pending_.size());
            if (skipping_ > 0) {
                skipping_ -= taken;
            } else {
                pending_.insert(pending_.end(), compressed.begin(),
                                compressed.begin() + static_cast<std::ptrdiff_t>(taken));
            }
            compressed = compressed.subspan(taken);
            if (skipping_ > 0 || pending_.size() < wanted_) continue;
            if (auto ok = in_chunk_ ? take_chunk(sink) : take_header(); !ok) return ok;
        }
        return {};
    }

    Result<> finish() override {
        if (identified_ && !in_chunk_ && pending_.empty() && skipping_ == 0) return {};
        return fail(FaultKind::corrupt, "snappy: the object ends within a chunk");
    }

private:
    Result<> take_header() {
        type_ = at(pending_, 0);
        const std::size_t length = at(pending_, 1) | at(pending_, 2) << 8 | at(pending_, 3) << 16;
        pending_.clear();
        if (!identified_ && type_ != stream_identifier) return damaged("this is no snappy stream");
        if (type_ >= first_skippable && type_ != stream_identifier) {
            skipping_ = length;
            return {};
        }
        const bool is_data = type_ == compressed_data || type_ == plain_data;
        if (!is_data && type_ != stream_identifier) return damaged("a chunk of an unknown type");
        const bool fits = is_data ? length > checksum_bytes && length <= longest_chunk : length == identifier.size();
        if (!fits) return damaged("a chunk of a wrong length");
        wanted_ = length;
        in_chunk_ = true;
        return {};
    }

    Result<> take_chunk(const Sink& sink) {
        const std::span<const std::byte> chunk(pending_);
        Result<> taken;
        if (type_ == stream_identifier) {
            identified_ = std::memcmp(chunk.data(), identifier.data(), identifier.size()) == 0;
            if (!identified_) taken = damaged("this is no snappy stream");
        } else {
            taken = take_data(chunk, sink);
        }
        pending_.clear();
        wanted_ = header_bytes;
        in_chunk_ = false;
        return taken;
    }

    Result<> take_data(std::span<const std::byte> chunk, const Sink& sink) {
        const std::uint32_t told = at(chunk, 0) | at(chunk, 1) << 8 | at(chunk, 2) << 16 | at(chunk, 3) << 24;
        auto content = chunk.subspan(checksum_bytes);
        if (type_ == compressed_data) {
            const auto* const source = reinterpret_cast<const char*>(content.data());
            std::size_t length = 0;
            const bool told_length = snappy_uncompressed_length(source, content.size(), &length) == SNAPPY_OK;
            if (!told_length || length > most_content) return damaged("damaged stream");
            auto* const out = reinterpret_cast<char*>(buffer_.data());
            if (snappy_uncompress(source, content.size(), out, &length) != SNAPPY_OK) return damaged("damaged stream");
            content = std::span(buffer_).first(length);
        }
        if (content.size() > most_content) return damaged("a chunk of a wrong length");
        if (masked_crc(content) != told) return damaged("a wrong checksum");
        return limit_.pass(content, sink);
    }

    static std::unexpected<Fault> damaged(std::string_view what) {
        return fail(FaultKind::corrupt, "snappy: " + std::string(what));
    }

    std::vector<std::byte> buffer_;   // the content of one chunk
    std::vector<std::byte> pending_;  // a header or a chunk as far as it has come
    std::size_t wanted_ = header_bytes;
    std::size_t skipping_ = 0;  // bytes of a chunk that says nothing to us
    unsigned type_ = 0;
    bool in_chunk_ = false, identified_ = false;
    OutputLimit limit_;
};

}  // namespace

std::unique_ptr<Decompressor> make_snappy_decompressor() { return std::make_unique<SnappyDecompressor>(); }

}  // namespace pgbosun::codec
