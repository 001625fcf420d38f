#include <lzma.h>

#include <new>
#include <string>

#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

// The format allows dictionaries of 4 GB; `xz -9` makes one of 64 MB and needs little more to read.
constexpr std::uint64_t most_memory = std::uint64_t{128} << 20;  // bytes

class XzDecompressor final : public Decompressor {
public:
    XzDecompressor() : buffer_(sink_bytes) { open(); }
    ~XzDecompressor() override { lzma_end(&stream_); }
    XzDecompressor(const XzDecompressor&) = delete;
    XzDecompressor& operator=(const XzDecompressor&) = delete;

    void begin(std::uint64_t limit) override {
        open();
        limit_.begin(limit);
        at_end_of_stream_ = false;
    }

    Result<> feed(std::span<const std::byte> compressed, const Sink& sink) override {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(compressed.data());
        stream_.avail_in = compressed.size();
        for (bool full = false; stream_.avail_in > 0 || full;) {
            if (at_end_of_stream_) open();
            stream_.next_out = reinterpret_cast<std::uint8_t*>(buffer_.data());
            stream_.avail_out = buffer_.size();
            const auto code = lzma_code(&stream_, LZMA_RUN);
            // LZMA_BUF_ERROR: there was nothing left to do after a buffer that was just filled.
            const bool nothing_to_do = code == LZMA_BUF_ERROR && stream_.avail_in == 0;
            if (code != LZMA_OK && code != LZMA_STREAM_END && !nothing_to_do) return damaged(code);
            const std::size_t produced = buffer_.size() - stream_.avail_out;
            if (auto ok = limit_.pass(std::span(buffer_).first(produced), sink); !ok) return ok;
            at_end_of_stream_ = code == LZMA_STREAM_END;
            full = !at_end_of_stream_ && stream_.avail_out == 0;
        }
        return {};
    }

    Result<> finish() override {
        if (at_end_of_stream_) return {};
        return fail(FaultKind::corrupt, "xz: the object ends within a stream");
    }

private:
    // Also of an open one: its memory is used again. What is to be read stays.
    void open() {
        const auto* const input = stream_.next_in;
        const auto left = stream_.avail_in;
        if (lzma_stream_decoder(&stream_, most_memory, 0) != LZMA_OK) throw std::bad_alloc();
        stream_.next_in = input;
        stream_.avail_in = left;
    }

    static std::unexpected<Fault> damaged(lzma_ret code) {
        if (code == LZMA_MEM_ERROR) throw std::bad_alloc();
        if (code == LZMA_MEMLIMIT_ERROR) {
            return fail(FaultKind::corrupt, "xz: the stream needs more than 128 MB of memory to be read");
        }
        return fail(FaultKind::corrupt, code == LZMA_FORMAT_ERROR ? "xz: this is no xz stream" : "xz: damaged stream");
    }

    lzma_stream stream_ = LZMA_STREAM_INIT;
    std::vector<std::byte> buffer_;
    OutputLimit limit_;
    bool at_end_of_stream_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> make_xz_decompressor() { return std::make_unique<XzDecompressor>(); }

}  // namespace pgbosun::codec
