#pragma once
// One tar on its way: entries are compressed into the parts of an object.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "backup/part_writer.hpp"
#include "backup/tar_entry.hpp"
#include "codec/compressor.hpp"

namespace pgbosun::backup {

// For one thread. Order: begin, for each file entry() and then exactly its size in append(), end_file();
// finish.
class TarStream {
public:
    // Both outlive it.
    TarStream(codec::Compressor& compressor, PartWriter& writer) : compressor_(compressor), writer_(writer) {}

    Result<> begin();
    Result<> entry(const TarEntry& entry);
    Result<> append(std::span<const std::byte> content);
    Result<> end_file();
    // Success: all is on its way (PartWriter::finish).
    Result<> finish();

private:
    Result<> write(std::span<const std::byte> bytes);

    codec::Compressor& compressor_;
    PartWriter& writer_;
    std::uint64_t in_file_ = 0;
};

}  // namespace pgbosun::backup
