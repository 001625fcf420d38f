#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

class PlainCompressor final : public Compressor {
public:
    Result<> begin(std::optional<std::uint64_t>, std::vector<std::byte>&) override { return {}; }
    Result<> append(std::span<const std::byte> content, std::vector<std::byte>& out) override {
        out.insert(out.end(), content.begin(), content.end());
        return {};
    }
    Result<> finish(std::vector<std::byte>&) override { return {}; }
};

class PlainDecompressor final : public Decompressor {
public:
    void begin(std::uint64_t limit) override { limit_.begin(limit); }
    Result<> feed(std::span<const std::byte> content, const Sink& sink) override { return limit_.pass(content, sink); }
    Result<> finish() override { return {}; }

private:
    OutputLimit limit_;
};

}  // namespace

std::unique_ptr<Compressor> make_plain_compressor() { return std::make_unique<PlainCompressor>(); }
std::unique_ptr<Decompressor> make_plain_decompressor() { return std::make_unique<PlainDecompressor>(); }

}  // namespace pgbosun::codec
