#include "archive/archiver.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <memory>
#include <utility>

#include "archive/wall_clock.hpp"
#include "pgbosun/hook_protocol.hpp"
#include "wal/archive_marks.hpp"

namespace pgbosun::archive {
namespace {

// One compresses while the other waits for the store.
constexpr int threads_for_each = 2;

Result<std::vector<std::string>> names_in(const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
    if (!open) {
        return fail(FaultKind::unavailable, "cannot read " + directory + ": " + std::strerror(errno));
    }
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(open.get())) {
        if (names.size() == wal::most_marks) break;
        if (std::string_view(entry->d_name).ends_with(".ready")) names.emplace_back(entry->d_name);
    }
    return names;
}

HookAnswer not_archived(const std::string& name, const std::string& why) {
    return {hook::failed, name + " is not archived: " + why};
}

}  // namespace

Archiver::Archiver(ObjectStore& store, const ArchiveTarget& target, int compressing, Pace pace,
                   std::function<void()> changed)
    : store_(store), target_(target), pace_(pace), changed_(std::move(changed)),
      identity_(store, target.server, target.state_directory),
      compressors_(target.compression, target.level, compressing) {
    report_.target = store.describe() + "/" + target.server;
    for (int i = 0; i < compressing * threads_for_each; ++i) workers_.emplace_back([this] { work(); });
}

Archiver::~Archiver() { finish(Clock::now()); }

void Archiver::obey(ArchiveOrder order) {
    const std::lock_guard lock(mutex_);
    auto cluster = cluster_of(order);
    if (!order_ || cluster != cluster_ || order.data_directory != order_->data_directory) {
        ++epoch_;
        queue_.forget();
        failing_.reset();
    }
    cluster_ = cluster;
    order_ = std::move(order);
    may_archive_ = order_->may_archive;
    if (const auto why = refusal()) {
        while (!waiters_.empty()) {
            const std::string name = waiters_.begin()->second.name;
            answer_all(name, not_archived(name, *why));
        }
    }
    next_look_ = Clock::now();
    wake_.notify_all();
}

std::variant<HookAnswer, Ticket> Archiver::ask(const ArchiveRequest& request, Later later) {
    const std::string name = to_string(request.name);
    const auto identity = identify(request.path);
    const std::lock_guard lock(mutex_);
    if (const auto why = refusal()) return not_archived(name, *why);
    if (!identity) return not_archived(name, identity.error().text());
    if (queue_.is_acknowledged(name, *identity)) {
        queue_.told(name);
        return HookAnswer{hook::done, {}};
    }
    const Ticket ticket{++last_ticket_};
    waiters_.emplace(ticket, Waiter{name, request.path, std::move(later)});
    queue_.ask(name);
    next_look_ = Clock::now();
    wake_.notify_all();
    return ticket;
}

std::chrono::milliseconds Archiver::patience() const {
    const std::lock_guard lock(mutex_);
    return order_ && order_->stopping ? pace_.last_patience : pace_.patience;
}

std::string Archiver::withdraw(Ticket ticket) {
    const std::lock_guard lock(mutex_);
    const auto found = waiters_.find(ticket);
    if (found == waiters_.end()) return "it has been answered";
    const std::string name = found->second.name;
    waiters_.erase(found);
    if (!is_asked(name)) queue_.withdraw(name);
    if (!failing_) return name + " is still under way";
    return name + " waits since " + failing_->since + ": " + failing_->fault.text();
}

ArchiveReport Archiver::report() const {
    const std::lock_guard lock(mutex_);
    ArchiveReport report = report_;
    report.backlog = queue_.backlog();
    if (failing_) {
        report.failing_since = failing_->since;
        report.last_error = failing_->name + ": " + failing_->fault.text();
        return report;
    }
    if (under_way_.empty()) return report;
    const auto oldest = std::ranges::min_element(under_way_, {}, [](const auto& it) { return it.second.began; });
    if (Clock::now() - oldest->second.began < pace_.slow) return report;
    report.failing_since = oldest->second.since;
    report.last_error =
        oldest->first + ": under way since then, and the archive does not answer (hint: look at " + report.target + ")";
    return report;
}

void Archiver::finish(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    finishing_ = true;
    wake_.notify_all();
    idle_.wait_until(lock, deadline, [this] { return busy_ == 0; });
    if (busy_ != 0) store_.cancel();
    lock.unlock();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
    lock.lock();
    while (!waiters_.empty()) {
        const std::string name = waiters_.begin()->second.name;
        answer_all(name, not_archived(name, "the archiver is stopping"));
    }
}

std::optional<std::string> Archiver::refusal() const {
    if (finishing_) return "the archiver is stopping";
    if (!order_) return "pgbosun has not yet said whether this instance may archive";
    if (!order_->may_archive) return "this instance may not archive: " + order_->reason;
    if (!cluster_) return "the system identifier or the segment size is not known yet";
    return std::nullopt;
}

bool Archiver::is_asked(const std::string& name) const {
    return std::ranges::any_of(waiters_, [&](const auto& entry) { return entry.second.name == name; });
}

ReadyQueue::Ahead Archiver::ahead() const {
    const bool stopped = failing_ && failing_->fault.kind != FaultKind::unavailable;
    return stopped ? ReadyQueue::Ahead::stopped : ReadyQueue::Ahead::allowed;
}

void Archiver::work() {
    WalUploader uploader(store_, target_, identity_, compressors_, may_archive_);
    std::unique_lock lock(mutex_);
    while (!finishing_) {
        if (const auto job = next_job()) {
            ++busy_;
            under_way_[job->name] = {Clock::now(), iso_now()};
            lock.unlock();
            auto outcome = uploader.upload(*wal::parse_archive_name(job->name), job->path, job->cluster);
            lock.lock();
            --busy_;
            under_way_.erase(job->name);
            settle(*job, std::move(outcome));
            idle_.notify_all();
        } else if (is_time_to_look()) {
            look(lock);
        } else {
            rest(lock);
        }
    }
}

std::optional<Archiver::Job> Archiver::next_job() {
    if (refusal() || Clock::now() < rest_until_) return std::nullopt;
    const auto name = queue_.take(ahead());
    if (!name) return std::nullopt;
    std::string path = order_->data_directory + "/pg_wal/" + *name;
    const auto asked = std::ranges::find_if(waiters_, [&](const auto& entry) { return entry.second.name == *name; });
    if (asked != waiters_.end()) path = asked->second.path;
    return Job{*name, std::move(path), *cluster_, epoch_};
}

bool Archiver::is_time_to_look() const {
    const auto now = Clock::now();
    return !looking_ && !refusal() && now >= rest_until_ && now >= next_look_;
}

void Archiver::rest(std::unique_lock<std::mutex>& lock) {
    if (busy_ == 0) compressors_.rest();
    if (refusal() || (looking_ && Clock::now() >= rest_until_)) return wake_.wait(lock);
    wake_.wait_until(lock, std::max(rest_until_, looking_ ? rest_until_ : next_look_));
}

void Archiver::look(std::unique_lock<std::mutex>& lock) {
    const std::string directory = order_->data_directory + "/pg_wal/archive_status";
    const auto epoch = epoch_;
    const auto began = queue_.moment();
    looking_ = true;
    next_look_ = Clock::now() + pace_.between_looks;
    lock.unlock();
    auto names = names_in(directory);
    auto files = names ? Result<ReadyFiles>(ready_files(*names)) : std::unexpected(names.error());
    lock.lock();
    looking_ = false;
    wake_.notify_all();
    if (epoch != epoch_) return;
    if (!files) return failed({"archive_status", directory, *cluster_, epoch}, files.error());
    const auto backlog = queue_.backlog();
    queue_.looked(std::move(*files), began);
    const bool over = failing_ && !queue_.is_waiting(failing_->name);
    if (over) failing_.reset();
    if (over || backlog != queue_.backlog()) changed_();
}

void Archiver::settle(const Job& job, Result<Uploaded> outcome) {
    if (job.epoch != epoch_) {
        queue_.put_back(job.name);
        next_look_ = Clock::now();
        return;
    }
    if (outcome) return succeeded(job, *outcome);
    queue_.put_back(job.name);
    const auto kind = outcome.error().kind;
    const bool taken_away = kind == FaultKind::not_found && !is_asked(job.name);
    if (taken_away || kind == FaultKind::cancelled) return;
    failed(job, std::move(outcome.error()));
}

void Archiver::succeeded(const Job& job, const Uploaded& uploaded) {
    queue_.acknowledge(job.name, uploaded.identity);
    answer_unchanged(job.name, uploaded.identity);
    if (failing_ && (failing_->name == job.name || failing_->fault.kind == FaultKind::unavailable)) failing_.reset();
    pause_ = Clock::duration::zero();
    rest_until_ = {};
    next_look_ = Clock::now();
    if (on_archived_) on_archived_(job.name);
    report_.last_wal = job.name;
    report_.last_at = iso_now();
    ++report_.archived;
    report_.archived_bytes += uploaded.identity.size;
    report_.stored_bytes += uploaded.stored_bytes;
    wake_.notify_all();
    changed_();
}

void Archiver::failed(const Job& job, Fault fault) {
    ++report_.failures;
    const bool passing = fault.kind == FaultKind::unavailable;
    if (passing) {
        pause();
    } else {
        answer_all(job.name, not_archived(job.name, fault.text()));
    }
    // What passes by itself does not hide what does not.
    const bool hides = failing_ && failing_->fault.kind != FaultKind::unavailable && passing;
    if (!hides) {
        auto since = failing_ ? failing_->since : iso_now();
        failing_ = Failing{job.name, std::move(fault), std::move(since)};
    }
    changed_();
}

// Full jitter: instances that lost the same store do not come back to it in step.
void Archiver::pause() {
    const Clock::duration longest = pace_.longest_pause;
    pause_ = pause_ == Clock::duration::zero() ? Clock::duration(pace_.first_pause) : std::min(pause_ * 2, longest);
    std::uniform_int_distribution<Clock::rep> between(pause_.count() / 2, pause_.count());
    rest_until_ = Clock::now() + Clock::duration(between(jitter_));
    next_look_ = rest_until_;
}

void Archiver::answer_all(const std::string& name, const HookAnswer& answer) {
    std::erase_if(waiters_, [&](const auto& entry) {
        if (entry.second.name != name) return false;
        entry.second.later(answer);
        return true;
    });
    queue_.withdraw(name);
}

void Archiver::answer_unchanged(const std::string& name, const FileIdentity& identity) {
    bool changed = false;
    const auto told = std::erase_if(waiters_, [&](const auto& entry) {
        if (entry.second.name != name) return false;
        // The file was written again, or another of that name is meant: that one is not archived.
        changed = changed || identify(entry.second.path) != identity;
        if (!changed) entry.second.later({hook::done, {}});
        return !changed;
    });
    if (changed) {
        queue_.ask(name);
    } else if (told != 0) {
        queue_.told(name);
    }
}

}  // namespace pgbosun::archive
