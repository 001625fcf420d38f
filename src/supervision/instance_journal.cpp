#include "supervision/instance_journal.hpp"

#include <algorithm>
#include <utility>

#include "pgbosun/log.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::supervision {

InstanceJournal::InstanceJournal(boost::asio::io_context& loop, FileSystem& files, const Clock& clock, std::string path,
                                 JournalCodec codec)
    : loop_(loop), files_(files), clock_(clock), path_(std::move(path)), codec_(std::move(codec)), grown_(loop),
      written_(loop) {}

Task<> InstanceJournal::recall() {
    const auto text = co_await files_.read(path_, 2 * largest_file);
    std::deque<JournalEntry> earlier;
    if (text) {
        file_size_ = text->size();
        std::string_view rest = *text;
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            // The last line may be incomplete, after a crash: decode() answers nothing for it.
            if (auto entry = codec_.decode(rest.substr(0, end))) earlier.push_back(std::move(*entry));
            if (earlier.size() > most_kept) earlier.pop_front();
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
        if (!text->empty() && !text->ends_with('\n')) unwritten_.insert(unwritten_.begin(), '\n');
    }
    const std::uint64_t last_earlier = earlier.empty() ? 0 : earlier.back().id;
    std::string renumbered;
    for (auto& entry : entries_) {
        entry.id += last_earlier;
        renumbered += codec_.encode(entry) + "\n";
    }
    unwritten_ = (unwritten_.starts_with('\n') ? "\n" : "") + renumbered;
    last_id_ += last_earlier;
    entries_.insert(entries_.begin(), std::make_move_iterator(earlier.begin()), std::make_move_iterator(earlier.end()));
    trim();
    recalled_ = true;
    if (!writing_ && !unwritten_.empty()) spawn(loop_, write_waiting());
}

void InstanceJournal::trim() {
    while (entries_.size() > most_kept) entries_.pop_front();
}

void InstanceJournal::record(std::string kind, std::string what,
                             std::vector<std::pair<std::string, std::string>> facts) {
    entries_.push_back(JournalEntry{++last_id_, clock_.wall(), std::move(kind), std::move(what), std::move(facts)});
    trim();
    if (unwritten_.size() < largest_file) unwritten_ += codec_.encode(entries_.back()) + "\n";
    grown_.announce();
    if (recalled_ && !writing_) spawn(loop_, write_waiting());
}

Task<> InstanceJournal::write_waiting() {
    writing_ = true;
    while (!unwritten_.empty()) {
        std::string lines = std::exchange(unwritten_, {});
        if (file_size_ + lines.size() > largest_file) {
            std::string from = path_;
            std::string to = path_ + ".old";
            if (co_await files_.rename_durably(std::move(from), std::move(to))) file_size_ = 0;
        }
        file_size_ += lines.size();
        const std::size_t size = lines.size();
        const auto appended = co_await files_.append_durably(path_, std::move(lines));
        if (!appended) {
            file_size_ -= std::min(file_size_, size);
            if (!std::exchange(failing_, true)) {
                log::error("the journal cannot be written: " + appended.error().what,
                           {{"hint", "look at the volume; its entries are in /v1/journal as long as pgbosun runs"}});
            }
            break;
        }
        if (std::exchange(failing_, false))
            log::info("the journal is written again; entries in between are not in its file");
    }
    writing_ = false;
    written_.announce();
}

std::vector<JournalEntry> InstanceJournal::since(std::uint64_t after, std::size_t limit) const {
    const auto first = std::upper_bound(entries_.begin(), entries_.end(), after,
                                        [](std::uint64_t id, const JournalEntry& entry) { return id < entry.id; });
    const auto count = std::min<std::size_t>(limit, static_cast<std::size_t>(entries_.end() - first));
    return {first, first + static_cast<std::ptrdiff_t>(count)};
}

Task<> InstanceJournal::wait(std::uint64_t after, Duration timeout) {
    if (last_id_ <= after) co_await grown_.wait(timeout);
}

Task<> InstanceJournal::flush(Duration timeout) {
    if (writing_) co_await written_.wait(timeout);
}

}  // namespace pgbosun::supervision
