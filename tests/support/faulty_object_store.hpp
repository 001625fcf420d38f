#pragma once
// A store over a real one that fails, loses answers and kills its process, all drawn from a seed. Thread-safe.

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pgbosun/object_store.hpp"

namespace pgbosun::test {

struct Faults {
    std::uint64_t seed = 0;
    int unavailable_percent = 0;  // of the calls end with nothing done
    int lost_percent = 0;         // are carried out and answered `unavailable`
    int damaged_percent = 0;      // of the objects that are read have another byte, or come short, without a word
    // The process gets SIGKILL at this call, before or after it is carried out, or in its middle; 0: never.
    int kill_at = 0;
};

class FaultyObjectStore final : public ObjectStore {
public:
    // `parted` is told the key of each upload in parts that begins.
    FaultyObjectStore(std::unique_ptr<ObjectStore> store, Faults faults,
                      std::function<void(const std::string& key)> parted = {})
        : inner_(std::move(store)), store_(*inner_), faults_(faults), parted_(std::move(parted)), random_(faults.seed) {
    }

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override {
        return carry_out([&] { return store_.put_if_absent(key, body, metadata); });
    }
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override {
        return carry_out([&] { return store_.put(key, body, metadata); });
    }
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override {
        return carry_out([&]() -> Result<std::unique_ptr<PartedUpload>> {
            auto begun = store_.begin_parted(key, part_size, metadata);
            if (!begun) return begun;
            if (parted_) parted_(key);
            return std::make_unique<Upload>(*this, *std::move(begun));
        });
    }
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override {
        return carry_out([&] { return store_.abort_unfinished(prefix); });
    }
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override {
        return carry_out([&] {
            const auto damage = draw_damage();
            if (!damage) return store_.get(key, sink, restart);
            bool first = true;
            const auto damaging = [&](std::span<const std::byte> piece) -> Result<> {
                const bool whole = !std::exchange(first, false);
                if (whole) return damage->cuts ? Result<>() : sink(piece);
                std::vector<std::byte> changed(piece.begin(), piece.end());
                const auto at = damage->place % std::max<std::size_t>(changed.size(), 1);
                if (damage->cuts) changed.resize(at);
                if (!damage->cuts && !changed.empty()) changed[at] ^= std::byte{0x10};
                return sink(changed);
            };
            return store_.get(key, damaging, [&] {
                first = true;
                restart();
            });
        });
    }
    Result<ObjectFacts> head(const std::string& key) override {
        return carry_out([&] { return store_.head(key); });
    }
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override {
        return carry_out([&] { return store_.list(prefix, delimiter, after); });
    }
    Result<> remove(const std::vector<std::string>& keys) override {
        return carry_out([&]() -> Result<> {
            if (!dies_within()) return store_.remove(keys);
            for (std::size_t at = 0; at < keys.size() / 2; ++at) std::ignore = store_.remove({keys[at]});
            die();
        });
    }
    [[nodiscard]] std::string describe() const override { return store_.describe(); }
    void cancel() override { store_.cancel(); }

private:
    class Upload final : public PartedUpload {
    public:
        Upload(FaultyObjectStore& store, std::unique_ptr<PartedUpload> upload)
            : store_(store), upload_(std::move(upload)) {}
        Result<> put_part(int number, std::span<const std::byte> body) override {
            return store_.carry_out([&] { return upload_->put_part(number, body); });
        }
        Result<> complete(int parts) override {
            return store_.carry_out([&] { return upload_->complete(parts); });
        }
        Result<> abort() override {
            return store_.carry_out([&] { return upload_->abort(); });
        }

    private:
        FaultyObjectStore& store_;
        std::unique_ptr<PartedUpload> upload_;
    };

    enum class Fate { well, unavailable, lost, dies_before, dies_within, dies_after };

    [[noreturn]] static void die() {
        std::raise(SIGKILL);
        std::abort();
    }

    Fate draw() {
        const std::lock_guard lock(mutex_);
        ++calls_;
        const auto percent = static_cast<int>(random_() % 100);
        if (calls_ == faults_.kill_at) {
            constexpr Fate deaths[] = {Fate::dies_before, Fate::dies_within, Fate::dies_after};
            return deaths[percent % 3];
        }
        if (percent < faults_.unavailable_percent) return Fate::unavailable;
        if (percent < faults_.unavailable_percent + faults_.lost_percent) return Fate::lost;
        return Fate::well;
    }
    struct Damage {
        bool cuts = false;  // else a bit is flipped
        std::size_t place = 0;
    };
    std::optional<Damage> draw_damage() {
        if (faults_.damaged_percent == 0) return std::nullopt;
        const std::lock_guard lock(mutex_);
        if (static_cast<int>(random_() % 100) >= faults_.damaged_percent) return std::nullopt;
        return Damage{random_() % 2 == 0, static_cast<std::size_t>(random_() % 65536)};
    }
    static bool& dies_within() {
        thread_local bool dies = false;
        return dies;
    }

    template <class Call>
    std::invoke_result_t<Call> carry_out(const Call& call) {
        const auto fate = draw();
        if (fate == Fate::dies_before) die();
        if (fate == Fate::unavailable) return fail(FaultKind::unavailable, "the store is away (told by the test)");
        dies_within() = fate == Fate::dies_within;
        auto answer = call();
        if (fate == Fate::dies_after || fate == Fate::dies_within) die();
        if (fate == Fate::lost) return fail(FaultKind::unavailable, "the answer is lost (told by the test)");
        return answer;
    }

    const std::unique_ptr<ObjectStore> inner_;
    ObjectStore& store_;
    const Faults faults_;
    const std::function<void(const std::string&)> parted_;
    std::mutex mutex_;
    std::mt19937_64 random_;
    int calls_ = 0;
};

}  // namespace pgbosun::test
