#include "backup/tar_stream.hpp"

#include <array>

namespace pgbosun::backup {
namespace {

constexpr std::array<std::byte, tar_end_bytes> zeros{};

}  // namespace

Result<> TarStream::begin() { return compressor_.begin(std::nullopt, writer_.buffer()); }

Result<> TarStream::entry(const TarEntry& entry) {
    in_file_ = 0;
    const auto header = tar_header(entry);
    return write(std::as_bytes(std::span(header)));
}

Result<> TarStream::append(std::span<const std::byte> content) {
    in_file_ += content.size();
    return write(content);
}

Result<> TarStream::write(std::span<const std::byte> bytes) {
    if (auto added = compressor_.append(bytes, writer_.buffer()); !added) return added;
    return writer_.flush();
}

Result<> TarStream::end_file() { return write(std::span(zeros).first(tar_padding(in_file_))); }

Result<> TarStream::finish() {
    if (auto added = write(zeros); !added) return added;
    if (auto ended = compressor_.finish(writer_.buffer()); !ended) return ended;
    if (auto flushed = writer_.flush(); !flushed) return flushed;
    return writer_.finish();
}

}  // namespace pgbosun::backup
