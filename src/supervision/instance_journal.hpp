#pragma once
// The journal in memory and on the volume: the newest entries in a ring, every entry appended to a file that is
// begun anew when it is full. Losing the last entries in a power cut is accepted: it records, it decides nothing.

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/file_system.hpp"
#include "pgbosun/journal.hpp"
#include "supervision/broadcast.hpp"

namespace pgbosun::supervision {

struct JournalCodec {
    std::function<std::string(const JournalEntry&)> encode;  // one line, without its end
    std::function<std::optional<JournalEntry>(std::string_view)> decode;
};

class InstanceJournal final : public Journal {
public:
    static constexpr std::size_t most_kept = 1000;
    static constexpr std::size_t largest_file = 2 * 1024 * 1024;  // two of them exist: `journal` and `journal.old`

    InstanceJournal(boost::asio::io_context& loop, FileSystem& files, const Clock& clock, std::string path,
                    JournalCodec codec);

    // Reads what an earlier life has left; entries written before it has returned get higher ids than those.
    Task<> recall();
    void record(std::string kind, std::string what, std::vector<std::pair<std::string, std::string>> facts);

    [[nodiscard]] std::vector<JournalEntry> since(std::uint64_t after, std::size_t limit) const override;
    [[nodiscard]] std::uint64_t last_id() const override { return last_id_; }
    Task<> wait(std::uint64_t after, Duration timeout) override;

    // Returns when everything recorded so far has been written, or could not be, or `timeout` has passed.
    Task<> flush(Duration timeout);

private:
    Task<> write_waiting();
    void trim();

    boost::asio::io_context& loop_;
    FileSystem& files_;
    const Clock& clock_;
    std::string path_;
    JournalCodec codec_;
    Broadcast grown_;
    Broadcast written_;
    std::deque<JournalEntry> entries_;
    std::uint64_t last_id_ = 0;
    std::string unwritten_;  // whole lines; bounded by largest_file, for the disk may hang
    std::size_t file_size_ = 0;
    bool writing_ = false;
    bool recalled_ = false;
    bool failing_ = false;  // the last append did not succeed, and it was said
};

}  // namespace pgbosun::supervision
