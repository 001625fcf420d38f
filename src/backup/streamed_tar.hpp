#pragma once
// The tars of an incremental backup, as the server streams them, become objects of the archive: read and written anew on
// their way, so that a tar ends between two files before it has more parts than a store takes, and so that only what
// belongs into a backup is in it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup_info.hpp"
#include "backup/part_writer.hpp"
#include "backup/tar_reader.hpp"
#include "backup/tar_stream.hpp"
#include "codec/compressor.hpp"
#include "pgbosun/backup_stream.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::backup {

// Parts of `bytes` each; a tar ends after the file with which it has so much content.
inline constexpr std::size_t streamed_part = std::size_t{8} << 20;              // bytes
inline constexpr std::uint64_t largest_streamed_tar = std::uint64_t{32} << 30;  // bytes

struct StreamedTarOrders {
    std::string prefix;  // of the backup's keys
    Compression compression = Compression::zstd;
    std::int64_t modified = 0;  // of every entry: seconds since the epoch
};

// One tar of the stream, as some of the archive. For one thread.
class StreamedTar final : TarVisitor {
public:
    // All outlive it. `tablespace` none: the data directory.
    StreamedTar(const StreamedTarOrders& orders, std::optional<std::uint32_t> tablespace, codec::Compressor& compressor,
                UploadPool& pool, ObjectStore& store);
    ~StreamedTar() override;

    Result<> feed(std::span<const std::byte> bytes) { return reader_.feed(bytes); }
    // corrupt: it was cut. Success: all is on its way.
    Result<> finish();

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }       // of files
    [[nodiscard]] const std::string& label() const { return label_; }  // backup_label's text, when it was in it
    [[nodiscard]] bool has_control_file() const { return has_control_file_; }

private:
    struct Part;
    Result<> begin(const TarMember& entry) override;
    Result<> content(std::span<const std::byte> piece) override;
    Result<> end() override;
    Result<> open_part();
    Result<> close_part();

    const StreamedTarOrders& orders_;
    const std::optional<std::uint32_t> tablespace_;
    codec::Compressor& compressor_;
    UploadPool& pool_;
    ObjectStore& store_;
    TarReader reader_;
    std::unique_ptr<Part> part_;  // the one that is being written
    int next_part_ = 0;
    bool in_file_ = false, in_label_ = false, has_control_file_ = false;
    std::uint64_t in_part_ = 0, bytes_ = 0;
    std::string label_;
};

}  // namespace pgbosun::backup
