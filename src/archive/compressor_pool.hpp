#pragma once
// So many compressors as segments may be compressed at a time: the processor is the bound there, while a store keeps
// its caller waiting. A thread holds one only while it compresses; others put their objects meanwhile.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "codec/file_compressor.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::archive {

// Thread-safe. Compressors are made when they are first needed, and kept.
class CompressorPool {
public:
    // Goes back to its pool at the end.
    class Lease {
    public:
        Lease(CompressorPool& pool, std::unique_ptr<codec::FileCompressor> compressor)
            : pool_(pool), compressor_(std::move(compressor)) {}
        ~Lease() {
            if (compressor_) pool_.give_back(std::move(compressor_));
        }
        Lease(Lease&&) = default;
        Lease& operator=(Lease&&) = delete;
        codec::FileCompressor& operator*() const { return *compressor_; }

    private:
        CompressorPool& pool_;
        std::unique_ptr<codec::FileCompressor> compressor_;
    };

    CompressorPool(Compression compression, int level, int count)
        : compression_(compression), level_(level), unmade_(count) {}

    // Waits until one is free: as long as one file takes. refused: there is no such compression.
    Result<Lease> take();
    // Nothing is left to do for a while: those that are free give their memory back.
    void rest();

private:
    void give_back(std::unique_ptr<codec::FileCompressor> compressor);

    const Compression compression_;
    const int level_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable freed_;
    std::vector<std::unique_ptr<codec::FileCompressor>> free_;
    int unmade_;
};

}  // namespace pgbosun::archive
