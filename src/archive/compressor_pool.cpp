#include "archive/compressor_pool.hpp"

#include <utility>

namespace pgbosun::archive {

Result<CompressorPool::Lease> CompressorPool::take() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [this] { return !free_.empty() || unmade_ > 0; });
    if (free_.empty()) {
        auto made = codec::make_compressor(compression_, level_);
        if (!made) return std::unexpected(std::move(made.error()));
        --unmade_;
        return Lease(*this, std::make_unique<codec::FileCompressor>(std::move(*made)));
    }
    auto compressor = std::move(free_.back());
    free_.pop_back();
    return Lease(*this, std::move(compressor));
}

void CompressorPool::give_back(std::unique_ptr<codec::FileCompressor> compressor) {
    {
        const std::lock_guard lock(mutex_);
        free_.push_back(std::move(compressor));
    }
    freed_.notify_one();
}

void CompressorPool::rest() {
    const std::lock_guard lock(mutex_);
    for (const auto& compressor : free_) compressor->rest();
}

}  // namespace pgbosun::archive
