#pragma once
// Brings one WAL file into the archive: reads it once, hashes and compresses on the way, and puts the object if there
// is none. Each worker thread has its own, whose buffer is used again: memory is bounded by threads x the compressed
// bound of a segment, and by compressors x 16 MB of content (FileCompressor), which goes back when nothing is left to do.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "archive/compressor_pool.hpp"
#include "archive/identity.hpp"
#include "archive/layout.hpp"
#include "archive/ready_queue.hpp"
#include "pgbosun/object_store.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::archive {

struct ArchiveTarget {
    std::string server;  // first part of every key
    Compression compression = Compression::zstd;
    int level = 1;
    std::string state_directory;  // IdentityCheck's
};

// not_found: there is no such file, for PostgreSQL took it away.
Result<FileIdentity> identify(const std::string& path);

struct Uploaded {
    FileIdentity identity;           // the file's, before it was read and after
    std::uint64_t stored_bytes = 0;  // 0: an equal object was there already
};

class WalUploader {
public:
    // `may_archive` is asked once more right before the object is put.
    WalUploader(ObjectStore& store, ArchiveTarget target, IdentityCheck& identity, CompressorPool& compressors,
                const std::atomic<bool>& may_archive);

    // Success: an object with this content is durable under the file's name. conflict: one with other content is
    // there, untouched. corrupt, refused: the file is not what its name says, or another cluster's. unavailable: try
    // again.
    Result<Uploaded> upload(const wal::ArchiveName& name, const std::string& path, const ClusterIdentity& cluster);

private:
    // A file to archive, compressed into body_.
    struct Encoded {
        std::uint64_t size = 0;  // of the file
        std::string hash;        // of its content
    };

    Result<Encoded> encode(int file, std::uint64_t size);
    Result<Uploaded> upload_open(const wal::ArchiveName& name, int file, const ClusterIdentity& cluster);
    Result<std::uint64_t> put(const wal::ArchiveName& name, const Encoded& encoded);
    // Success: the object holds the same file.
    Result<> expect_equal(const std::string& key, Encoding encoding, const Encoded& encoded);
    // An object of the same name with another extension, from another compression setting or another tool.
    Result<std::set<std::string>> other_encodings(const wal::ArchiveName& name, const std::string& key);

    ObjectStore& store_;
    ArchiveTarget target_;
    IdentityCheck& identity_;
    CompressorPool& compressors_;
    const std::atomic<bool>& may_archive_;
    std::vector<std::byte> body_;
    std::string listed_prefix_;
    std::set<std::string> listed_;  // keys below listed_prefix_ that do not end in our extension
};

}  // namespace pgbosun::archive
