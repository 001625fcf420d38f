#pragma once
// Reads a tar as it arrives, piece by piece: ustar, PAX and GNU's long names, as Python's tarfile, libarchive and
// PostgreSQL write it. Pure: who uses it decides what an entry becomes. Made for bytes from outside: every length is
// checked, memory is bounded by longest_header, and whatever is not understood is corrupt.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

struct TarEntry {
    enum class Type { file, directory, symbolic_link };
    Type type = Type::file;
    // Relative, its parts joined by one '/', without "." and ".."; empty: the directory that the tar is of.
    std::string path;
    std::uint64_t size = 0;  // of a file
    std::string target;      // of a link, as it is
    bool operator==(const TarEntry&) const = default;
};

class TarVisitor {
public:
    virtual ~TarVisitor() = default;
    // A Fault ends the reading and is returned as it is.
    virtual Result<> begin(const TarEntry& entry) = 0;
    virtual Result<> content(std::span<const std::byte> piece) = 0;  // of a file, `size` bytes altogether
    virtual Result<> end() = 0;                                      // of each entry
};

// What takes a tar in as it comes from a store.
class TarConsumer {
public:
    virtual ~TarConsumer() = default;
    // The tar comes once more from its first byte.
    virtual void restart() = 0;
    virtual Result<> feed(std::span<const std::byte> bytes) = 0;
    virtual Result<> finish() = 0;
    // Of files, since the last restart.
    [[nodiscard]] virtual std::uint64_t bytes() const = 0;
};

inline constexpr std::size_t longest_tar_path = 4096;                    // bytes
inline constexpr std::size_t longest_tar_header = std::size_t{1} << 20;  // of one PAX record

class TarReader {
public:
    explicit TarReader(TarVisitor& visitor) : visitor_(visitor) {}

    void restart();
    // corrupt: no tar, or one that this program does not read: hard links, devices, sparse files, paths that are
    // absolute or lead upwards.
    Result<> feed(std::span<const std::byte> bytes);
    // corrupt: the tar has no end mark, so it may have been cut.
    Result<> finish();

private:
    static constexpr std::size_t block = 512;
    enum class Stage { header, extended, content, padding, after_end };

    Result<> take_header();
    Result<> take_extended();
    Result<> begin_entry(char type, std::string path, std::uint64_t size, std::string target);
    Result<> end_of_content();
    void collect(std::span<const std::byte>& bytes, std::size_t until);

    TarVisitor& visitor_;
    Stage stage_ = Stage::header;
    std::string collected_;   // a header block, or a PAX record or long name
    char extended_type_ = 0;  // of what is being collected
    std::uint64_t left_ = 0;  // of the content
    std::size_t padding_ = 0;
    std::optional<std::string> next_path_, next_target_;  // said by a record before the entry
    std::optional<std::uint64_t> next_size_;
};

}  // namespace pgbosun::backup
