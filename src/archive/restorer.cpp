#include "archive/restorer.hpp"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <limits>
#include <unistd.h>

#include "archive/wall_clock.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "wal/history.hpp"

namespace pgbosun::archive {
namespace {

constexpr std::chrono::seconds keep_missing{1};
constexpr std::chrono::seconds keep_ahead{60};
constexpr std::chrono::seconds believed_away{10};  // a store that has not answered during this promotion
// A new timeline may branch off while a standby reads the old one.
constexpr std::chrono::seconds history_holds{30};
constexpr std::chrono::seconds trouble_holds{60};
// A damaged object may be a damaged transfer; after so many attempts it is not.
constexpr int most_attempts_at_damaged = 3;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Ours alone: what lies there is of a former life.
void make_empty(const std::string& directory) {
    std::error_code ignored;  // a directory that cannot be used shows at the first file, with a name
    std::filesystem::create_directories(directory, ignored);
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        std::filesystem::remove(entry.path(), ignored);
    }
}

std::optional<wal::TimelineHistory> read_history(const wal::ArchiveName& name, const std::string& path) {
    const auto* file = std::get_if<wal::HistoryFile>(&name);
    if (file == nullptr) return std::nullopt;
    std::ifstream stream(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    auto history = wal::parse_history(file->timeline, text);
    if (!history) return std::nullopt;
    return std::move(*history);
}

}  // namespace

Restorer::Restorer(ObjectStore& store, std::string server, std::string directory, int workers, Pace pace,
                   std::function<void()> changed)
    : store_(store), server_(std::move(server)), directory_(std::move(directory)), worker_count_(workers), pace_(pace),
      changed_(std::move(changed)) {
    make_empty(directory_);
}

Restorer::~Restorer() { finish(); }

void Restorer::obey(const ArchiveOrder& order) {
    const std::lock_guard lock(mutex_);
    promoting_ = order.promoting;
    const ExpectedWal expected{order.system_id, wal::SegmentSize::from_bytes(order.wal_segment_size)};
    if (expected == expected_ && order.data_directory == data_directory_) return;
    forget_ahead({});
    expected_ = expected;
    data_directory_ = order.data_directory;
    forks_ = {};
    history_asked_.clear();
    missing_.clear();
}

Restorer::Asked Restorer::ask(const RestoreRequest& request, Later later) {
    const std::lock_guard lock(mutex_);
    for (int i = static_cast<int>(workers_.size()); i < worker_count_ && !*finishing_; ++i) {
        workers_.emplace_back([this] { work(); });
    }
    last_asked_ = Clock::now();
    const Ticket ticket{++last_ticket_};
    const Purpose asks = purpose();
    const auto policy = policy_of(asks);
    const auto said = missing_.find(to_string(request.name));
    const bool streams_next = asks == Purpose::follow || asks == Purpose::promote;
    if (streams_next && said != missing_.end() && last_asked_ - said->second < keep_missing) {
        later({hook::failed, {}});
        return {ticket, policy.patience};
    }
    if (asks == Purpose::promote && held_up_at_ && last_asked_ - *held_up_at_ < believed_away) {
        later({hook::failed, to_string(request.name) + " is not waited for: the archive does not answer"});
        return {ticket, policy.patience};
    }
    Waiting waiting{request, std::move(later), policy, std::make_shared<std::atomic<bool>>(false),
                    segment_in(request.name)};
    const auto place = waiting_.emplace(ticket, std::move(waiting)).first;
    const auto segment = place->second.segment;
    const auto ahead = segment ? ahead_.find(*segment) : ahead_.end();
    if (ahead != ahead_.end() && ahead->second != Ahead::fetching) {
        const bool ready = ahead->second == Ahead::ready;
        ahead_.erase(ahead);
        if (ready) deliver(place, file_of(*segment));
    }
    wake_.notify_all();
    return {ticket, policy.patience};
}

std::optional<HookAnswer> Restorer::give_up(Ticket ticket) {
    const std::lock_guard lock(mutex_);
    const auto found = waiting_.find(ticket);
    if (found == waiting_.end()) return std::nullopt;
    auto& waiting = found->second;
    *waiting.gone = true;
    if (promoting_) held_up_at_ = Clock::now();
    HookAnswer answer{waiting.policy.given_up, to_string(waiting.request.name) + " could not be fetched in time"};
    if (waiting.fault) answer.text += ": " + waiting.fault->text();
    waiting_.erase(found);
    return answer;
}

void Restorer::hurry() {
    const std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); promoting_ && at != waiting_.end();) {
        const auto place = at++;
        held_up_at_ = Clock::now();
        *place->second.gone = true;
        answer(place, {hook::failed,
                       to_string(place->second.request.name) + " is not waited for: the archive does not answer"});
    }
}

std::uint64_t Restorer::restored() const {
    const std::lock_guard lock(mutex_);
    return restored_;
}

std::optional<std::string> Restorer::awaited() const {
    const std::lock_guard lock(mutex_);
    return awaited_;
}

std::optional<Restorer::Trouble> Restorer::trouble() const {
    const std::lock_guard lock(mutex_);
    // PostgreSQL may have turned to another source and never ask again.
    if (waiting_.empty() && Clock::now() - trouble_at_ >= trouble_holds) return std::nullopt;
    return trouble_;
}

std::size_t Restorer::prefetched() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(ahead_, [](const auto& entry) { return entry.second == Ahead::ready; }));
}

void Restorer::finish() {
    {
        const std::lock_guard lock(mutex_);
        *finishing_ = true;
        for (auto& [ticket, waiting] : waiting_) *waiting.gone = true;
        wake_.notify_all();
    }
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    forget_ahead({});
}

Purpose Restorer::purpose() const {
    // Also when PostgreSQL has removed standby.signal, before it asks for the last of the histories.
    if (promoting_) return Purpose::promote;
    if (data_directory_.empty()) return purpose_of(std::nullopt);
    return purpose_of(RecoverySigns{exists(data_directory_ + "/standby.signal"),
                                    exists(data_directory_ + "/recovery.signal"),
                                    exists(data_directory_ + "/postmaster.pid")});
}

std::optional<wal::WalSegment> Restorer::segment_in(const wal::ArchiveName& name) const {
    const auto* segment = std::get_if<wal::Segment>(&name);
    if (segment == nullptr || !expected_.segment_size) return std::nullopt;
    return segment_of(segment->name, *expected_.segment_size);
}

std::string Restorer::file_of(wal::WalSegment segment) const {
    return directory_ + "/" + to_string(name_of(segment, *expected_.segment_size));
}

void Restorer::work() {
    WalFetcher fetcher(store_, server_);
    std::unique_lock lock(mutex_);
    while (!*finishing_) {
        const auto job = next_job();
        if (!job) {
            rest(lock);
            continue;
        }
        lock.unlock();
        Outcome outcome = carry_out(*job, fetcher);
        lock.lock();
        std::visit([&](const auto& what) { settle(*job, what, std::move(outcome)); }, job->what);
        ::unlink(job->path.c_str());
        wake_.notify_all();
    }
}

Restorer::Outcome Restorer::carry_out(const Job& job, WalFetcher& fetcher) {
    Outcome outcome{fetcher.fetch(job.name, job.path, job.expected, *job.gone), std::nullopt};
    const auto* asked = std::get_if<FetchAsked>(&job.what);
    const auto* segment = std::get_if<wal::Segment>(&job.name);
    const bool missing = !outcome.fetched && outcome.fetched.error().kind == FaultKind::not_found;
    if (missing && asked != nullptr && segment != nullptr && asked->pieces == Pieces::used) {
        outcome.fetched = fetcher.fetch_pieces(segment->name, job.path, job.expected, *job.gone);
    }
    if (outcome.fetched) outcome.history = read_history(job.name, job.path);
    if (outcome.fetched && std::holds_alternative<FetchAhead>(job.what)) outcome.fetched = write_back(job.path);
    return outcome;
}

std::optional<Restorer::Job> Restorer::next_job() {
    if (auto job = job_for_asked()) return job;
    return job_ahead();
}

std::optional<Restorer::Job> Restorer::job_for_asked() {
    const auto now = Clock::now();
    for (auto& [ticket, waiting] : waiting_) {
        // Being fetched ahead: it is delivered when that is done.
        if (waiting.under_way || waiting.not_before > now) continue;
        if (waiting.segment && ahead_.contains(*waiting.segment)) continue;
        waiting.under_way = true;
        return make_job(FetchAsked{ticket, waiting.policy.pieces}, waiting.request.name, waiting.gone);
    }
    return std::nullopt;
}

std::optional<Restorer::Job> Restorer::job_ahead() {
    const auto now = Clock::now();
    for (auto& [segment, state] : ahead_) {
        if (state != Ahead::queued) continue;
        const auto asked = history_asked_.find(segment.timeline);
        const bool asking = asked != history_asked_.end() && asked->second == Clock::time_point::max();
        if (asking) continue;
        const bool known = asked != history_asked_.end() && now - asked->second < history_holds;
        if (!known && number(segment.timeline) != std::numeric_limits<std::uint32_t>::max()) {
            history_asked_[segment.timeline] = Clock::time_point::max();
            const Timeline child{number(segment.timeline) + 1};
            return make_job(FetchHistory{segment.timeline}, wal::HistoryFile{child}, finishing_);
        }
        state = Ahead::fetching;
        return make_job(FetchAhead{segment}, wal::Segment{name_of(segment, *expected_.segment_size)}, finishing_);
    }
    return std::nullopt;
}

Restorer::Job Restorer::make_job(std::variant<FetchAsked, FetchAhead, FetchHistory> what, wal::ArchiveName name,
                                 Gone gone) {
    std::string path = directory_ + "/" + std::to_string(++last_file_) + ".tmp";
    return {what, name, std::move(path), expected_, std::move(gone)};
}

void Restorer::settle(const Job& job, const FetchAsked& what, Outcome outcome) {
    const auto waiting = waiting_.find(what.ticket);
    if (waiting == waiting_.end()) return;
    waiting->second.under_way = false;
    ++waiting->second.attempts;
    if (!outcome.fetched) return failed(waiting, std::move(outcome.fetched.error()));
    if (outcome.history) forks_.learn(*outcome.history);
    deliver(waiting, job.path);
}

void Restorer::settle(const Job& job, const FetchAhead& what, Outcome outcome) {
    const auto ahead = ahead_.find(what.segment);
    // It is no longer wanted, or it was for another data directory.
    if (ahead == ahead_.end() || ahead->second != Ahead::fetching || job.expected != expected_) return;
    if (!outcome.fetched) {
        ahead_.erase(ahead);
        if (outcome.fetched.error().kind != FaultKind::not_found) return;
        missing_[to_string(job.name)] = Clock::now();
        window_.reached_the_end();
        // There is nothing after a segment that is not there yet.
        std::erase_if(ahead_, [](const auto& entry) { return entry.second == Ahead::queued; });
        return;
    }
    const auto asked =
        std::ranges::find_if(waiting_, [&](const auto& entry) { return entry.second.segment == what.segment; });
    if (asked != waiting_.end()) {
        ahead_.erase(ahead);
        deliver(asked, job.path);
        return;
    }
    if (place(job.path, file_of(what.segment))) {
        ahead->second = Ahead::ready;
    } else {
        ahead_.erase(ahead);
    }
}

void Restorer::settle(const Job&, const FetchHistory& what, Outcome outcome) {
    const bool answered = outcome.fetched || outcome.fetched.error().kind == FaultKind::not_found;
    if (outcome.history) forks_.learn(*outcome.history);
    if (answered) {
        history_asked_[what.timeline] = Clock::now();
    } else {
        history_asked_.erase(what.timeline);
    }
    // Without an answer nobody knows where the timeline ends; the next segment that is served plans anew.
    const auto fork = forks_.of(what.timeline);
    std::erase_if(ahead_, [&](const auto& entry) {
        const auto& [segment, state] = entry;
        if (state != Ahead::queued || segment.timeline != what.timeline) return false;
        return !answered || (fork && start_of(segment, *expected_.segment_size) >= *fork);
    });
}

void Restorer::failed(Place place, Fault fault) {
    auto& waiting = place->second;
    note_trouble(place->second.request, fault);
    if (fault.kind == FaultKind::not_found) {
        const auto now = Clock::now();
        std::erase_if(missing_, [&](const auto& entry) { return now - entry.second >= keep_missing; });
        missing_[to_string(waiting.request.name)] = now;
        if (waiting.segment && awaited_ != to_string(waiting.request.name)) {
            awaited_ = to_string(waiting.request.name);
            changed_();
        }
        window_.reached_the_end();
        // No text: PostgreSQL looks for files that are not there all the time.
        return answer(place, {hook::failed, {}});
    }
    const bool passing = fault.kind == FaultKind::unavailable || fault.kind == FaultKind::cancelled;
    if (!passing && waiting.attempts >= most_attempts_at_damaged) {
        return answer(place, {waiting.policy.given_up, fault.text()});
    }
    const Clock::duration longest = pace_.longest_pause;
    const bool first = waiting.pause == Clock::duration::zero();
    waiting.pause = first ? Clock::duration(pace_.first_pause) : std::min(waiting.pause * 2, longest);
    std::uniform_int_distribution<Clock::rep> between(waiting.pause.count() / 2, waiting.pause.count());
    waiting.not_before = Clock::now() + Clock::duration(between(jitter_));
    waiting.fault = std::move(fault);
}

void Restorer::note_trouble(const RestoreRequest& request, const Fault& fault) {
    if (fault.kind == FaultKind::not_found) {
        trouble_.reset();
    } else {
        trouble_ = Trouble{trouble_ ? trouble_->since : iso_now(), to_string(request.name) + ": " + fault.text()};
        trouble_at_ = Clock::now();
    }
    changed_();
}

bool Restorer::deliver(Place waiting, const std::string& file) {
    auto placed = place(file, waiting->second.request.path);
    if (!placed) {
        failed(waiting, std::move(placed.error()));
        return false;
    }
    const auto segment = waiting->second.segment;
    const bool ahead = waiting->second.policy.prefetch == Prefetch::allowed;
    ++restored_;
    if (segment) awaited_.reset();
    trouble_.reset();
    answer(waiting, {hook::done, {}});
    if (segment && ahead) plan(*segment);
    changed_();
    return true;
}

void Restorer::answer(Place waiting, const HookAnswer& answer) {
    waiting->second.later(answer);
    waiting_.erase(waiting);
}

void Restorer::plan(wal::WalSegment served) {
    window_.served(served);
    const auto fork = forks_.of(served.timeline);
    // A window that the archive's end has made narrow again takes nothing away that is there already.
    forget_ahead(following(served, widest_window, *expected_.segment_size, fork));
    for (const auto& segment : following(served, window_.width(), *expected_.segment_size, fork)) {
        ahead_.try_emplace(segment, Ahead::queued);
    }
}

void Restorer::forget_ahead(const std::vector<wal::WalSegment>& but) {
    std::erase_if(ahead_, [&](const auto& entry) {
        if (std::ranges::find(but, entry.first) != but.end()) return false;
        if (entry.second == Ahead::ready) {
            ::unlink(file_of(entry.first).c_str());
        }
        return true;
    });
}

void Restorer::rest(std::unique_lock<std::mutex>& lock) {
    const auto now = Clock::now();
    auto until = Clock::time_point::max();
    for (const auto& [ticket, waiting] : waiting_) {
        if (waiting.not_before > now) until = std::min(until, waiting.not_before);
    }
    if (!ahead_.empty() && waiting_.empty()) {
        if (now - last_asked_ >= keep_ahead) forget_ahead({});
        until = std::min(until, last_asked_ + keep_ahead);
    }
    if (until == Clock::time_point::max() || until <= now) return wake_.wait(lock);
    wake_.wait_until(lock, until);
}

}  // namespace pgbosun::archive
