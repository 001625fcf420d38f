#define ZLIB_CONST  // next_in points to const
#include <zlib.h>

#include <algorithm>
#include <new>
#include <string>

#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib.h: 16 asks for the gzip wrapper
constexpr int memory_level = 8;       // zlib's default
constexpr std::size_t piece_bytes = 256 * 1024;

const Bytef* bytes(std::span<const std::byte> content) { return reinterpret_cast<const Bytef*>(content.data()); }

class GzipCompressor final : public Compressor {
public:
    explicit GzipCompressor(int level) {
        if (deflateInit2(&stream_, level, Z_DEFLATED, gzip_window, memory_level, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~GzipCompressor() override { deflateEnd(&stream_); }
    GzipCompressor(const GzipCompressor&) = delete;
    GzipCompressor& operator=(const GzipCompressor&) = delete;

    Result<> begin(std::optional<std::uint64_t>, std::vector<std::byte>&) override {
        deflateReset(&stream_);
        return {};
    }

    Result<> append(std::span<const std::byte> content, std::vector<std::byte>& out) override {
        while (!content.empty()) {
            const auto piece = content.first(std::min(content.size(), piece_bytes));
            content = content.subspan(piece.size());
            if (auto ok = run(piece, Z_NO_FLUSH, out); !ok) return ok;
        }
        return {};
    }
    Result<> finish(std::vector<std::byte>& out) override { return run({}, Z_FINISH, out); }

private:
    Result<> run(std::span<const std::byte> piece, int flush, std::vector<std::byte>& out) {
        stream_.next_in = bytes(piece);
        stream_.avail_in = static_cast<uInt>(piece.size());
        do {
            const std::size_t used = out.size();
            out.resize(used + sink_bytes);
            stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
            stream_.avail_out = static_cast<uInt>(sink_bytes);
            const int code = deflate(&stream_, flush);
            out.resize(out.size() - stream_.avail_out);
            if (code == Z_STREAM_ERROR) return fail(FaultKind::refused, "gzip: the stream was not begun");
        } while (stream_.avail_out == 0);
        return {};
    }

    z_stream stream_{};
};

class GzipDecompressor final : public Decompressor {
public:
    GzipDecompressor() : buffer_(sink_bytes) {
        if (inflateInit2(&stream_, gzip_window) != Z_OK) throw std::bad_alloc();
    }
    ~GzipDecompressor() override { inflateEnd(&stream_); }
    GzipDecompressor(const GzipDecompressor&) = delete;
    GzipDecompressor& operator=(const GzipDecompressor&) = delete;

    void begin(std::uint64_t limit) override {
        inflateReset(&stream_);
        limit_.begin(limit);
        at_end_of_member_ = false;
    }

    Result<> feed(std::span<const std::byte> compressed, const Sink& sink) override {
        while (!compressed.empty()) {
            const auto piece = compressed.first(std::min(compressed.size(), piece_bytes));
            compressed = compressed.subspan(piece.size());
            if (auto ok = inflate_piece(piece, sink); !ok) return ok;
        }
        return {};
    }

    Result<> finish() override {
        if (at_end_of_member_) return {};
        return fail(FaultKind::corrupt, "gzip: the object ends within a member");
    }

private:
    Result<> inflate_piece(std::span<const std::byte> piece, const Sink& sink) {
        stream_.next_in = bytes(piece);
        stream_.avail_in = static_cast<uInt>(piece.size());
        for (bool full = false; stream_.avail_in > 0 || full;) {
            if (at_end_of_member_) inflateReset(&stream_);
            stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
            stream_.avail_out = static_cast<uInt>(buffer_.size());
            const int code = inflate(&stream_, Z_NO_FLUSH);
            // Z_BUF_ERROR: there was nothing left to do after a buffer that was just filled.
            if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return damaged();
            const std::size_t produced = buffer_.size() - stream_.avail_out;
            if (auto ok = limit_.pass(std::span(buffer_).first(produced), sink); !ok) return ok;
            at_end_of_member_ = code == Z_STREAM_END;
            full = !at_end_of_member_ && stream_.avail_out == 0;
        }
        return {};
    }

    [[nodiscard]] std::unexpected<Fault> damaged() const {
        return fail(FaultKind::corrupt,
                    std::string("gzip: ") + (stream_.msg != nullptr ? stream_.msg : "damaged stream"));
    }

    z_stream stream_{};
    std::vector<std::byte> buffer_;
    OutputLimit limit_;
    bool at_end_of_member_ = false;
};

}  // namespace

std::unique_ptr<Compressor> make_gzip_compressor(int level) { return std::make_unique<GzipCompressor>(level); }
std::unique_ptr<Decompressor> make_gzip_decompressor() { return std::make_unique<GzipDecompressor>(); }

}  // namespace pgbosun::codec
