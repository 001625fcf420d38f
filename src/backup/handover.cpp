#include "backup/handover.hpp"

#include <algorithm>

namespace pgbosun::backup {

Handover::Handover(TarConsumer& consumer) : consumer_(consumer), thread_([this] { unpack(); }) {
    filling_.reserve(block_bytes);
}

Handover::~Handover() {
    {
        const std::lock_guard lock(mutex_);
        orders_.clear();
        orders_.emplace_back(End{});
        changed_.notify_all();
    }
    thread_.join();
}

Result<> Handover::feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.first(std::min(bytes.size(), block_bytes - filling_.size()));
        filling_.insert(filling_.end(), piece.begin(), piece.end());
        bytes = bytes.subspan(piece.size());
        if (filling_.size() < block_bytes) continue;
        if (auto flushed = flush(); !flushed) return flushed;
    }
    return {};
}

Result<> Handover::flush() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || orders_.size() < most_blocks; });
    if (ended_) return result_;
    Block next;
    if (!used_.empty()) {
        next = std::move(used_.back());
        used_.pop_back();
    }
    next.reserve(block_bytes);
    orders_.emplace_back(std::exchange(filling_, std::move(next)));
    changed_.notify_all();
    return {};
}

void Handover::give(Order order) {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
    changed_.notify_all();
}

void Handover::restart() {
    filling_.clear();
    give(Restart{});
}

Result<> Handover::finish() {
    if (auto flushed = flush(); !flushed) return flushed;
    give(End{});
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_; });
    return result_;
}

Result<> Handover::obey(const Order& order) {
    if (const auto* block = std::get_if<Block>(&order)) return consumer_.feed(*block);
    if (std::holds_alternative<End>(order)) return consumer_.finish();
    consumer_.restart();
    return {};
}

void Handover::unpack() {
    std::unique_lock lock(mutex_);
    while (!ended_) {
        changed_.wait(lock, [this] { return !orders_.empty(); });
        Order order = std::move(orders_.front());
        orders_.pop_front();
        changed_.notify_all();
        lock.unlock();
        auto result = obey(order);
        lock.lock();
        if (auto* block = std::get_if<Block>(&order); block != nullptr && used_.size() < most_blocks) {
            block->clear();
            used_.push_back(std::move(*block));
        }
        if (!result || std::holds_alternative<End>(order)) {
            result_ = std::move(result);
            ended_ = true;
            changed_.notify_all();
        }
    }
}

}  // namespace pgbosun::backup
