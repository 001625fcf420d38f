#pragma once
// Reads a tar without writing anything: every file's checksum, and the text of the few that are looked into.

#include <functional>
#include <optional>
#include <string>

#include "backup/tar_reader.hpp"

namespace pgbosun::backup {

inline constexpr std::size_t longest_looked_into = std::size_t{64} << 10;  // bytes

struct InspectedFile {
    std::string path;
    std::uint64_t size = 0;
    std::uint32_t crc32c = 0;
    std::optional<std::string> text;  // of one that is looked into and not longer than longest_looked_into
};

class TarInspection final : public TarConsumer, TarVisitor {
public:
    // `on_file` is told each whole file, and once more when the tar comes again.
    TarInspection(std::function<bool(const std::string& path)> looks_into,
                  std::function<void(const InspectedFile&)> on_file)
        : looks_into_(std::move(looks_into)), on_file_(std::move(on_file)), reader_(*this) {}

    void restart() override;
    Result<> feed(std::span<const std::byte> bytes) override { return reader_.feed(bytes); }
    Result<> finish() override { return reader_.finish(); }
    [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

private:
    Result<> begin(const TarEntry& entry) override;
    Result<> content(std::span<const std::byte> piece) override;
    Result<> end() override;

    const std::function<bool(const std::string&)> looks_into_;
    const std::function<void(const InspectedFile&)> on_file_;
    TarReader reader_;
    std::optional<InspectedFile> file_;
    std::uint64_t bytes_ = 0;
};

}  // namespace pgbosun::backup
