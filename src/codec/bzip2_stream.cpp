#include <bzlib.h>

#include <algorithm>
#include <new>
#include <string>

#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

// About 4 MB, whatever the level it was compressed with.
class Bzip2Decompressor final : public Decompressor {
public:
    Bzip2Decompressor() : buffer_(sink_bytes) { open(); }
    ~Bzip2Decompressor() override { BZ2_bzDecompressEnd(&stream_); }
    Bzip2Decompressor(const Bzip2Decompressor&) = delete;
    Bzip2Decompressor& operator=(const Bzip2Decompressor&) = delete;

    void begin(std::uint64_t limit) override {
        open_anew();
        limit_.begin(limit);
        at_end_of_stream_ = false;
    }

    Result<> feed(std::span<const std::byte> compressed, const Sink& sink) override {
        while (!compressed.empty()) {
            const auto piece = compressed.first(std::min(compressed.size(), piece_bytes));
            compressed = compressed.subspan(piece.size());
            if (auto ok = decompress_piece(piece, sink); !ok) return ok;
        }
        return {};
    }

    Result<> finish() override {
        if (at_end_of_stream_) return {};
        return fail(FaultKind::corrupt, "bzip2: the object ends within a stream");
    }

private:
    // The library cannot begin anew in the memory that it has.
    void open_anew() {
        BZ2_bzDecompressEnd(&stream_);
        open();
    }
    void open() {
        stream_ = {};
        if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) throw std::bad_alloc();
    }

    Result<> decompress_piece(std::span<const std::byte> piece, const Sink& sink) {
        const char* next = reinterpret_cast<const char*>(piece.data());
        auto left = static_cast<unsigned>(piece.size());
        for (bool full = false; left > 0 || full;) {
            if (at_end_of_stream_) open_anew();
            stream_.next_in = const_cast<char*>(next);  // it is only read
            stream_.avail_in = left;
            stream_.next_out = reinterpret_cast<char*>(buffer_.data());
            stream_.avail_out = static_cast<unsigned>(buffer_.size());
            const int code = BZ2_bzDecompress(&stream_);
            if (code != BZ_OK && code != BZ_STREAM_END) return damaged(code);
            next += left - stream_.avail_in;
            left = stream_.avail_in;
            const std::size_t produced = buffer_.size() - stream_.avail_out;
            if (auto ok = limit_.pass(std::span(buffer_).first(produced), sink); !ok) return ok;
            at_end_of_stream_ = code == BZ_STREAM_END;
            full = !at_end_of_stream_ && stream_.avail_out == 0;
        }
        return {};
    }

    static std::unexpected<Fault> damaged(int code) {
        if (code == BZ_MEM_ERROR) throw std::bad_alloc();
        return fail(FaultKind::corrupt,
                    code == BZ_DATA_ERROR_MAGIC ? "bzip2: this is no bzip2 stream" : "bzip2: damaged stream");
    }

    bz_stream stream_{};
    std::vector<std::byte> buffer_;
    OutputLimit limit_;
    bool at_end_of_stream_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> make_bzip2_decompressor() { return std::make_unique<Bzip2Decompressor>(); }

}  // namespace pgbosun::codec
