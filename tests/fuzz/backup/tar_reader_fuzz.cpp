// Whatever comes, in whatever pieces: no path leads out, no file has more content than was said, and the pieces make no
// difference.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "backup/tar_reader.hpp"

namespace {

using namespace pgbosun;
using namespace pgbosun::backup;

class Judge final : public TarVisitor {
public:
    std::string seen;

private:
    Result<> begin(const TarEntry& entry) override {
        const std::string path = "/" + entry.path + "/";
        if (entry.path.starts_with('/') || path.find("/../") != std::string::npos ||
            path.find('\0') != std::string::npos || entry.path.size() > longest_tar_path) {
            std::abort();
        }
        seen += entry.path + "\n";
        left_ = entry.size;
        return {};
    }
    Result<> content(std::span<const std::byte> piece) override {
        if (piece.empty() || piece.size() > left_) std::abort();
        left_ -= piece.size();
        return {};
    }
    Result<> end() override {
        if (left_ != 0) std::abort();
        return {};
    }

    std::uint64_t left_ = 0;
};

std::string read(std::span<const std::byte> bytes, std::size_t piece) {
    Judge judge;
    TarReader reader(judge);
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
        if (!reader.feed(bytes.first(std::min(piece, bytes.size())))) return judge.seen + "corrupt";
    }
    return judge.seen + (reader.finish() ? "whole" : "cut");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (read(bytes, 7) != read(bytes, size + 1)) std::abort();
    return 0;
}
