#pragma once
// An object store in memory that behaves as the port says, and misbehaves as a test tells it to. Thread-safe.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgbosun/object_store.hpp"

namespace pgbosun::test {

enum class StoreCall {
    put_if_absent,
    put,
    get,
    head,
    list,
    remove,
    begin_parted,
    put_part,
    complete,
    abort,
    abort_unfinished
};

class FakeObjectStore final : public ObjectStore {
public:
    struct Object {
        std::vector<std::byte> body;
        ObjectMetadata metadata;
        std::optional<WallTime> modified = std::nullopt;  // none: planted by a test
    };

    // Asked at each call, with no lock held (it may block, to be a slow store). `key` is the first key or the prefix.
    using Hook = std::function<Result<>(StoreCall call, const std::string& key)>;

    // A Fault returned here ends the call before anything was done: the store is away.
    void before_each(Hook hook) {
        with_lock([&] { before_ = std::move(hook); });
    }
    // A Fault returned here replaces the answer of a call that was carried out: the answer is lost.
    void after_each(Hook hook) {
        with_lock([&] { after_ = std::move(hook); });
    }

    // The next `count` calls of this sort end as `unavailable`, with nothing done.
    void fail_next(StoreCall call, int count = 1) {
        with_lock([&] { failing_[call] += count; });
    }
    // The next `count` calls of this sort are carried out and answered `unavailable`.
    void lose_answer_of_next(StoreCall call, int count = 1) {
        with_lock([&] { losing_[call] += count; });
    }
    // The next get hands over the first `bytes` bytes, then begins again from the start (calls `restart`).
    void break_next_get_after(std::size_t bytes) {
        with_lock([&] { break_after_ = bytes; });
    }
    // Another place of the same name, as when a directory's volume goes.
    void move_to(std::uint64_t place) { place_ = place; }
    // As a file system without extended attributes: metadata is accepted and forgotten.
    void forget_metadata() {
        with_lock([&] { keeps_metadata_ = false; });
    }

    // Calls wait at the door until `release()` or `cancel()`.
    void hold() {
        with_lock([&] { held_ = true; });
    }
    void release() {
        with_lock([&] { held_ = false; });
    }
    // Returns once `count` calls wait at the door of a held store.
    void wait_until_waiting(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= count; });
    }

    // What is stored now; the test's own view, which no fault touches.
    [[nodiscard]] std::map<std::string, Object> objects() const {
        const std::lock_guard lock(mutex_);
        return objects_;
    }
    [[nodiscard]] std::optional<Object> object(const std::string& key) const {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(key);
        if (found == objects_.end()) return std::nullopt;
        return found->second;
    }
    void plant(const std::string& key, std::vector<std::byte> body, ObjectMetadata metadata = {}) {
        with_lock([&] { objects_[key] = Object{std::move(body), std::move(metadata)}; });
    }
    void plant(const std::string& key, std::string_view text, ObjectMetadata metadata = {}) {
        const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
        plant(key, std::vector<std::byte>(bytes.begin(), bytes.end()), std::move(metadata));
    }
    // The keys of the parted uploads that were begun and neither completed nor aborted.
    [[nodiscard]] std::vector<std::string> unfinished() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::string> keys;
        for (const auto& [id, upload] : uploads_) keys.push_back(upload.key);
        return keys;
    }
    // How many calls of this sort were made, the failed ones included.
    [[nodiscard]] int calls(StoreCall call) const {
        const std::lock_guard lock(mutex_);
        const auto found = calls_.find(call);
        return found == calls_.end() ? 0 : found->second;
    }

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override {
        return carry_out(StoreCall::put_if_absent, key, [&]() -> Result<> {
            if (objects_.contains(key)) return fail(FaultKind::conflict, key + " exists already");
            store(key, body, metadata);
            return {};
        });
    }

    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override {
        return carry_out(StoreCall::put, key, [&]() -> Result<> {
            store(key, body, metadata);
            return {};
        });
    }

    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override {
        return carry_out(StoreCall::begin_parted, key, [&]() -> Result<std::unique_ptr<PartedUpload>> {
            if (part_size < smallest_part) return fail(FaultKind::refused, "such parts are too small for a store");
            const int id = ++last_upload_;
            uploads_[id] = Upload{key, part_size, metadata, {}};
            return std::make_unique<FakeUpload>(*this, id, key);
        });
    }

    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override {
        return carry_out(StoreCall::abort_unfinished, prefix, [&]() -> Result<std::uint64_t> {
            return std::erase_if(uploads_, [&](const auto& entry) { return entry.second.key.starts_with(prefix); });
        });
    }

    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override {
        std::optional<std::size_t> broken;
        auto object = carry_out(StoreCall::get, key, [&]() -> Result<Object> {
            const auto found = objects_.find(key);
            if (found == objects_.end()) return fail(FaultKind::not_found, "there is no " + key);
            broken = std::exchange(break_after_, std::nullopt);
            return found->second;
        });
        if (!object) return std::unexpected(std::move(object).error());
        if (broken) {
            restart();
            const auto part = std::span(object->body).first(std::min(*broken, object->body.size()));
            if (auto fed = feed(part, sink); !fed) return std::unexpected(std::move(fed).error());
        }
        restart();
        if (auto fed = feed(object->body, sink); !fed) return std::unexpected(std::move(fed).error());
        return ObjectFacts{.key = key, .size = object->body.size(), .metadata = std::move(object->metadata)};
    }

    Result<ObjectFacts> head(const std::string& key) override {
        return carry_out(StoreCall::head, key, [&]() -> Result<ObjectFacts> {
            const auto found = objects_.find(key);
            if (found == objects_.end()) return fail(FaultKind::not_found, "there is no " + key);
            return ObjectFacts{.key = key, .size = found->second.body.size(), .metadata = found->second.metadata};
        });
    }

    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override {
        return carry_out(StoreCall::list, prefix,
                         [&]() -> Result<Listing> { return page(prefix, delimiter, after.value_or("")); });
    }

    Result<> remove(const std::vector<std::string>& keys) override {
        return carry_out(StoreCall::remove, keys.empty() ? std::string() : keys.front(), [&]() -> Result<> {
            for (const auto& key : keys) objects_.erase(key);
            return {};
        });
    }

    [[nodiscard]] std::uint64_t place() const override { return place_; }
    [[nodiscard]] std::string describe() const override { return "fake://store"; }

    void cancel() override {
        with_lock([&] { cancelled_ = true; });
    }

private:
    std::atomic<std::uint64_t> place_ = 1;
    static constexpr std::size_t page_limit = 1000;
    static constexpr std::size_t chunk = 64 * 1024;

    struct Upload {
        std::string key;
        std::uint64_t part_size = 0;
        ObjectMetadata metadata;
        std::map<int, std::vector<std::byte>> parts;
    };

    class FakeUpload final : public PartedUpload {
    public:
        FakeUpload(FakeObjectStore& store, int id, std::string key) : store_(store), id_(id), key_(std::move(key)) {}

        Result<> put_part(int number, std::span<const std::byte> body) override {
            return store_.carry_out(StoreCall::put_part, key_, [&] { return store_.take_part(id_, number, body); });
        }
        Result<> complete(int parts) override {
            return store_.carry_out(StoreCall::complete, key_, [&] { return store_.assemble(id_, parts); });
        }
        Result<> abort() override {
            return store_.carry_out(StoreCall::abort, key_, [&]() -> Result<> {
                store_.uploads_.erase(id_);
                return {};
            });
        }

    private:
        FakeObjectStore& store_;
        const int id_;
        const std::string key_;
    };

    Result<> take_part(int id, int number, std::span<const std::byte> body) {
        const auto upload = uploads_.find(id);
        if (upload == uploads_.end()) return fail(FaultKind::refused, "the upload is gone");
        const bool fits =
            number >= 1 && number <= most_parts && !body.empty() && body.size() <= upload->second.part_size;
        if (!fits) return fail(FaultKind::refused, "part " + std::to_string(number) + " does not fit");
        upload->second.parts[number].assign(body.begin(), body.end());
        return {};
    }

    Result<> assemble(int id, int parts) {
        const auto upload = uploads_.find(id);
        if (upload == uploads_.end()) return fail(FaultKind::refused, "the upload is gone");
        std::vector<std::byte> body;
        for (int number = 1; number <= parts; ++number) {
            const auto part = upload->second.parts.find(number);
            const bool fits = part != upload->second.parts.end() &&
                              (number == parts || part->second.size() == upload->second.part_size);
            if (!fits) return fail(FaultKind::refused, "part " + std::to_string(number) + " is missing or short");
            body.insert(body.end(), part->second.begin(), part->second.end());
        }
        if (parts < 1) return fail(FaultKind::refused, "an object of no parts");
        store(upload->second.key, body, upload->second.metadata);
        uploads_.erase(upload);
        return {};
    }

    template <class Change>
    void with_lock(const Change& change) {
        const std::lock_guard lock(mutex_);
        change();
        changed_.notify_all();
    }

    void store(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) {
        objects_[key] =
            Object{std::vector<std::byte>(body.begin(), body.end()), keeps_metadata_ ? metadata : ObjectMetadata{},
                   std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())};
    }

    static Result<> feed(std::span<const std::byte> body, const Sink& sink) {
        for (std::size_t at = 0; at < body.size(); at += chunk) {
            if (auto taken = sink(body.subspan(at, std::min(chunk, body.size() - at))); !taken) return taken;
        }
        return {};
    }

    // Waits while the store is held; notes the call; takes what was told with fail_next.
    Result<> enter(StoreCall call, const std::string& key) {
        std::unique_lock lock(mutex_);
        ++calls_[call];
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [&] { return !held_ || cancelled_; });
        --waiting_;
        if (cancelled_) return fail(FaultKind::cancelled, "the store is being closed");
        if (failing_[call] > 0) {
            --failing_[call];
            return fail(FaultKind::unavailable, "the store is away (told by the test)");
        }
        const Hook hook = before_;
        lock.unlock();
        return hook ? hook(call, key) : Result<>{};
    }

    Result<> leave(StoreCall call, const std::string& key) {
        std::unique_lock lock(mutex_);
        if (losing_[call] > 0) {
            --losing_[call];
            return fail(FaultKind::unavailable, "the answer is lost (told by the test)");
        }
        const Hook hook = after_;
        lock.unlock();
        return hook ? hook(call, key) : Result<>{};
    }

    template <class Body>
    std::invoke_result_t<Body> carry_out(StoreCall call, const std::string& key, const Body& body) {
        if (auto entered = enter(call, key); !entered) return std::unexpected(std::move(entered).error());
        auto answer = [&] {
            const std::lock_guard lock(mutex_);
            return body();
        }();
        if (auto left = leave(call, key); !left) return std::unexpected(std::move(left).error());
        return answer;
    }

    [[nodiscard]] Listing page(const std::string& prefix, const std::string& delimiter,
                               const std::string& after) const {
        Listing listing;
        std::string last = after;
        for (auto at = objects_.lower_bound(prefix); at != objects_.end() && at->first.starts_with(prefix); ++at) {
            const auto cut = delimiter.empty() ? std::string::npos : at->first.find(delimiter, prefix.size());
            const std::string entry = cut == std::string::npos ? at->first : at->first.substr(0, cut + 1);
            if (entry <= last ||
                (!last.empty() && last.ends_with('/') && at->first.starts_with(last) && !delimiter.empty())) {
                continue;
            }
            if (listing.objects.size() + listing.prefixes.size() == page_limit) {
                listing.next = last;
                break;
            }
            last = entry;
            if (cut == std::string::npos) {
                listing.objects.push_back({.key = at->first,
                                           .size = at->second.body.size(),
                                           .metadata = {},
                                           .modified = at->second.modified});
            } else {
                listing.prefixes.push_back(entry);
            }
        }
        return listing;
    }

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Object> objects_;
    std::map<int, Upload> uploads_;
    int last_upload_ = 0;
    std::map<StoreCall, int> calls_, failing_, losing_;
    std::optional<std::size_t> break_after_;
    Hook before_, after_;
    int waiting_ = 0;
    bool held_ = false;
    bool cancelled_ = false;
    bool keeps_metadata_ = true;
};

}  // namespace pgbosun::test
