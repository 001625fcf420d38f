#include <lz4frame.h>

#include <algorithm>
#include <new>
#include <string>

#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;  // content given to lz4 at once: bounds the room made for its output

Result<> checked(std::size_t code, FaultKind kind) {
    if (!LZ4F_isError(code)) return {};
    return fail(kind, std::string("lz4: ") + LZ4F_getErrorName(code));
}

class Lz4Compressor final : public Compressor {
public:
    explicit Lz4Compressor(int level) {
        LZ4F_cctx* context = nullptr;
        if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION))) throw std::bad_alloc();
        context_.reset(context);
        preferences_.compressionLevel = level;
        preferences_.frameInfo.blockSizeID = LZ4F_max256KB;
        preferences_.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    }

    Result<> begin(std::optional<std::uint64_t> size, std::vector<std::byte>& out) override {
        preferences_.frameInfo.contentSize = size.value_or(0);  // 0: unknown
        return produce(LZ4F_HEADER_SIZE_MAX, out, [&](std::span<std::byte> room) {
            return LZ4F_compressBegin(context_.get(), room.data(), room.size(), &preferences_);
        });
    }

    Result<> append(std::span<const std::byte> content, std::vector<std::byte>& out) override {
        while (!content.empty()) {
            const auto piece = content.first(std::min(content.size(), piece_bytes));
            content = content.subspan(piece.size());
            const std::size_t bound = LZ4F_compressBound(piece.size(), &preferences_);
            auto ok = produce(bound, out, [&](std::span<std::byte> room) {
                return LZ4F_compressUpdate(context_.get(), room.data(), room.size(), piece.data(), piece.size(),
                                           nullptr);
            });
            if (!ok) return ok;
        }
        return {};
    }

    Result<> finish(std::vector<std::byte>& out) override {
        return produce(LZ4F_compressBound(0, &preferences_), out, [&](std::span<std::byte> room) {
            return LZ4F_compressEnd(context_.get(), room.data(), room.size(), nullptr);
        });
    }

private:
    struct Release {
        void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
    };

    template <class Produce>
    static Result<> produce(std::size_t bound, std::vector<std::byte>& out, const Produce& write) {
        const std::size_t used = out.size();
        out.resize(used + bound);
        const std::size_t code = write(std::span(out).subspan(used));
        out.resize(LZ4F_isError(code) ? used : used + code);
        return checked(code, FaultKind::refused);
    }

    std::unique_ptr<LZ4F_cctx, Release> context_;
    LZ4F_preferences_t preferences_{};
};

class Lz4Decompressor final : public Decompressor {
public:
    Lz4Decompressor() : buffer_(sink_bytes) {
        LZ4F_dctx* context = nullptr;
        if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) throw std::bad_alloc();
        context_.reset(context);
    }

    void begin(std::uint64_t limit) override {
        LZ4F_resetDecompressionContext(context_.get());
        limit_.begin(limit);
        at_end_of_frame_ = false;
    }

    Result<> feed(std::span<const std::byte> compressed, const Sink& sink) override {
        for (bool full = false; !compressed.empty() || full;) {
            std::size_t produced = buffer_.size();
            std::size_t consumed = compressed.size();
            const std::size_t code =
                LZ4F_decompress(context_.get(), buffer_.data(), &produced, compressed.data(), &consumed, nullptr);
            if (auto ok = checked(code, FaultKind::corrupt); !ok) return ok;
            if (auto ok = limit_.pass(std::span(buffer_).first(produced), sink); !ok) return ok;
            compressed = compressed.subspan(consumed);
            at_end_of_frame_ = code == 0;
            full = !at_end_of_frame_ && produced == buffer_.size();
        }
        return {};
    }

    Result<> finish() override {
        if (at_end_of_frame_) return {};
        return fail(FaultKind::corrupt, "lz4: the object ends within a frame");
    }

private:
    struct Release {
        void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
    };

    std::unique_ptr<LZ4F_dctx, Release> context_;
    std::vector<std::byte> buffer_;
    OutputLimit limit_;
    bool at_end_of_frame_ = false;
};

}  // namespace

std::unique_ptr<Compressor> make_lz4_compressor(int level) { return std::make_unique<Lz4Compressor>(level); }
std::unique_ptr<Decompressor> make_lz4_decompressor() { return std::make_unique<Lz4Decompressor>(); }

}  // namespace pgbosun::codec
