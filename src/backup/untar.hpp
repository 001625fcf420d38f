#pragma once
// Writes what a tar holds below a directory: directories with mode 0700, files with 0600, whatever the tar says. Nothing
// is ever written through a link, or outside of the directory. Nothing is fsynced. One thread; several of them may
// work below one directory with different tars.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "backup/tar_reader.hpp"
#include "pgbosun/descriptor.hpp"
#include "pgbosun/direct_file.hpp"

namespace pgbosun::backup {

// Where an entry goes: a relative path of the same form; none: it is left out. A Fault ends the unpacking. Links are
// never made: one that is not left out is corrupt.
using Placement = std::function<Result<std::optional<std::string>>(const TarMember& entry)>;

struct UnpackedFile {
    std::string path;  // as in the tar
    std::uint64_t size = 0;
    std::uint32_t crc32c = 0;
};

class Untar final : public TarConsumer, TarVisitor {
public:
    // `directory` is a descriptor that outlives this. `on_file` is told each whole file, also one that is left out; its
    // Fault ends the unpacking.
    Untar(int directory, Placement placement, std::function<Result<>(const UnpackedFile&)> on_file)
        : directory_(directory), placement_(std::move(placement)), on_file_(std::move(on_file)), reader_(*this) {}

    // What was written of it is replaced.
    void restart() override;
    // As TarReader::feed. corrupt also: a path that comes twice, or leads through a file. refused: the file system is
    // full. unavailable: it does not work.
    Result<> feed(std::span<const std::byte> bytes) override { return reader_.feed(bytes); }
    Result<> finish() override { return reader_.finish(); }
    [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

private:
    Result<> begin(const TarMember& entry) override;
    Result<> content(std::span<const std::byte> piece) override;
    Result<> end() override;

    Result<int> enter(std::string_view parent);
    Result<> create(const std::string& path, std::uint64_t size);

    const int directory_;
    const Placement placement_;
    const std::function<Result<>(const UnpackedFile&)> on_file_;
    TarReader reader_;
    bool replaces_ = false;
    std::uint64_t bytes_ = 0;
    std::string parent_path_;  // of the last entry: the next one is likely beside it
    Descriptor parent_;
    std::optional<UnpackedFile> file_;
    DirectFile open_;
};

}  // namespace pgbosun::backup
