#include "backup/tar_reading.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>

#include "archive/decoded_object.hpp"
#include "backup/handover.hpp"

namespace pgbosun::backup {
namespace {

constexpr int most_workers = 32;

// The file system's end is the limit: a tar may be as large as the database.
constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

class Readers {
public:
    explicit Readers(const TarReading& reading) : reading_(reading) {}

    std::vector<Fault> run() {
        const int wanted = std::clamp(reading_.workers, 1, most_workers);
        const auto count = std::min(static_cast<std::size_t>(wanted), reading_.tars.size());
        std::vector<std::thread> workers;
        workers.reserve(count);
        for (std::size_t i = 0; i < count; ++i) workers.emplace_back([this] { work(); });
        for (auto& worker : workers) worker.join();
        return std::move(faults_);
    }

private:
    void work() {
        for (;;) {
            const std::size_t at = next_.fetch_add(1);
            if (at >= reading_.tars.size() || stop_) return;
            const Tar& tar = reading_.tars[at];
            if (auto read = read_one(tar); !read) note(std::move(read.error()));
        }
    }

    void note(Fault fault) {
        const std::lock_guard lock(mutex_);
        // The others were stopped because of the first.
        if (stop_) return;
        faults_.push_back(std::move(fault));
        if (reading_.on_damage == OnDamage::stop) stop_ = true;
    }

    // What read_decoded says has the key already.
    static Result<> whole(const Tar& tar, Result<> finished) {
        if (!finished) return std::unexpected(std::move(finished.error()).in(tar.key));
        return {};
    }

    // Decoding goes on while what was decoded waits for the disk.
    Result<> read_one(const Tar& tar) {
        const auto consumer = reading_.consume(tar);
        Result<> read;
        {
            Handover handover(*consumer);
            read = decode(
                tar, [&](std::span<const std::byte> piece) { return handover.feed(piece); },
                [&] { handover.restart(); });
            if (read) read = whole(tar, handover.finish());
        }
        reading_.file_bytes += consumer->bytes();
        return read;
    }

    // The first restart is the beginning, when there is nothing to begin anew.
    template <class Feed, class Restart>
    Result<> decode(const Tar& tar, const Feed& feed, const Restart& restart) {
        std::uint64_t counted = 0;
        std::optional<bool> begun;
        const auto sink = [&](std::span<const std::byte> piece) -> Result<> {
            if (stop_) return fail(FaultKind::cancelled, "another tar could not be read");
            return feed(piece);
        };
        const auto again = [&] {
            reading_.stored_bytes -= std::exchange(counted, 0);
            if (begun) restart();
            begun = true;
        };
        const auto counts = [&](std::size_t bytes) {
            counted += bytes;
            reading_.stored_bytes += bytes;
        };
        return archive::read_decoded(reading_.store, tar.key, tar.name.encoding, no_limit, sink, again, counts);
    }

    const TarReading& reading_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<bool> stop_ = false;
    std::mutex mutex_;
    std::vector<Fault> faults_;
};

}  // namespace

std::vector<Fault> read_tars(const TarReading& reading) { return Readers(reading).run(); }

}  // namespace pgbosun::backup
