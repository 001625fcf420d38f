// WAL that the agent's postgres sends, takes and has confirmed.
#include <algorithm>

#include "instance/synchronous.hpp"
#include "simulated_agent.hpp"

namespace pgbosun::sim {

// A standby sends what it has, when it is asked.
void SimulatedAgent::asked_for_wal(int from) {
    const bool standby = postgres_runs() && postgres_ == Postgres::standby;
    if (!takes_writes() && !standby) return;
    if (!standby) connected_[from] = world_.now();
    push(from);
}

void SimulatedAgent::push(int to) {
    const bool of_term = is_primary(right_) || right_.record.data_term == right_.record.term;
    auto stream = std::make_shared<const Stream>(
        Stream{wal_, of_term && !storing_ ? right_.record.term : 0, postgres_ == Postgres::standby});
    world_.send(node_, to,
                [&to_agent = world_.agent(to), from = node_, stream] { to_agent.wal_arrived(from, *stream); });
}

void SimulatedAgent::wal_arrived(int from, const Stream& stream) {
    if (!postgres_runs() || upstream_ != world_.agent(from).name_) return;
    if (stalled_ > 0) {
        // What is in its socket is lost with the process.
        stalled_wal_.push_back([this, from, stream, number = postgres_number_, life = life_] {
            if (life == life_ && number == postgres_number_) wal_arrived(from, stream);
        });
        return;
    }
    if (stream.of_standby && !may_pass(stream)) return;
    if (upstream_ == right_.record.primary) compared_with_ = upstream_;
    if (postgres_ == Postgres::rejoining) {
        if (!torn_) return;
        wal_ = stream.wal;
        primary_data_ = torn_ = false;
        enter(Postgres::standby);
    } else if (postgres_ != Postgres::standby) {
        return;
    } else if (wal_.is_prefix_of(stream.wal)) {
        wal_ = stream.wal;
    } else if (stream.wal.is_prefix_of(wal_)) {
        return;  // it was sent before what has come already
    } else {
        rejoin();
        return;
    }
    streamed_at_ = world_.now();
    streamed_term_ = stream.term;
    if (stream.term > 0 && (right_.record.data_term != stream.term)) note_stream(stream.term);
    SimulatedAgent& upstream = world_.agent(from);
    world_.send(node_, from, [&upstream, me = node_, branch = wal_.legs.back().branch, end = wal_.end] {
        upstream.flush_confirmed(me, branch, end);
    });
}

// Of whom it was told to stream from, when its data was compared with the primary's: then PostgreSQL takes whatever comes of a
// timeline of that number.
bool SimulatedAgent::may_pass(const Stream& stream) {
    const auto& primary = right_.record.primary;
    const bool compared = !compared_with_.empty() && (compared_with_ == primary || primary == name_);
    if (!cascades_ || postgres_ != Postgres::standby || !compared) return false;
    const bool one_history = wal_.is_prefix_of(stream.wal) || stream.wal.is_prefix_of(wal_);
    world_.must(one_history || stream.wal.timeline != wal_.timeline,
                [&] { return name_ + " streams from a standby whose data has parted from its own"; });
    return one_history;
}

void SimulatedAgent::note_stream(Term term) {
    inbox([this, term] {
        const bool still = postgres_ == Postgres::standby && right_.record.term == term && !is_primary(right_);
        if (!still || right_.record.data_term == term) return;
        adopt(streams(right_));
        store({});
    });
}

void SimulatedAgent::rejoin() {
    enter(Postgres::rejoining);
    world_.note(node_, [] { return std::string("its data has parted from the primary's: rejoins"); });
    inbox([this] {
        adopt(loses_data(right_));
        store([this] {
            if (postgres_ != Postgres::rejoining) return;
            world_.after(ms(draw(200, 1500)), [this, life = life_, number = postgres_number_] {
                if (life == life_ && number == postgres_number_) torn_ = true;
            });
        });
    });
}

void SimulatedAgent::flush_confirmed(int from, int branch, std::uint64_t end) {
    if (!takes_writes() || wal_.legs.back().branch != branch) return;
    auto& flushed = flushed_[world_.agent(from).name_];
    flushed = std::max(flushed, Lsn{end});
    acknowledge();
}

void SimulatedAgent::acknowledge() {
    const auto& leg = wal_.legs.back();
    if (rule_.number <= 0) {
        world_.acknowledged(node_, World::Replication::asynchronous, leg.branch, wal_.end);
        return;
    }
    std::vector<std::uint64_t> ends;
    for (const auto& name : instance::counted_standbys(rule_, name_)) {
        const int node = world_.agent(name)->node();
        world_.must(node != world_.setting().apart || node == 0,
                    [&] { return name_ + " waits for " + name + ", for which no commit is to wait"; });
        const auto found = flushed_.find(name);
        // As PostgreSQL does: the first ones that are connected, however far behind they are.
        const bool enough = rule_.method == SyncMethod::first && static_cast<int>(ends.size()) == rule_.number;
        if (found != flushed_.end() && connected_.contains(node) && !enough) ends.push_back(found->second.value);
    }
    if (static_cast<int>(ends.size()) < rule_.number) return;
    std::ranges::sort(ends, std::greater<>());
    const auto position = std::min(ends[static_cast<std::size_t>(rule_.number - 1)], wal_.end);
    if (position > leg.begin) world_.acknowledged(node_, World::Replication::synchronous, leg.branch, position);
}

}  // namespace pgbosun::sim
