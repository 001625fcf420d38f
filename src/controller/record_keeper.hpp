#pragma once
// Shell: has this candidate elected and keeps it so, and reads and writes the record for it. One call at a time.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>

#include "controller/knowledge.hpp"
#include "controller/wake.hpp"
#include "pgbosun/cluster_record.hpp"

namespace pgbosun::controller {

class RecordKeeper {
public:
    // All are borrowed. `ttl`: of the leadership. `changed`: called when there is something new to decide on.
    RecordKeeper(boost::asio::io_context& loop, const Clock& clock, ClusterRecord& engine, const Policy& policy,
                 std::string candidate, Duration ttl, std::function<void()> changed);

    void begin();
    // While this candidate leads. May end at any suspension point.
    [[nodiscard]] Knowledge* knowledge() { return known_ ? &*known_ : nullptr; }
    [[nodiscard]] const Knowledge* knowledge() const { return known_ ? &*known_ : nullptr; }
    // What `choose` wants written; it is in flight from now on.
    void write(Record record);
    void look_again() { wake_.wake(); }

    // As it was read or written last, by whoever led then.
    [[nodiscard]] const std::optional<Record>& last_read() const { return last_read_; }
    [[nodiscard]] const std::string& leader() const { return leader_; }
    // The engine answers; what the record says is another matter.
    [[nodiscard]] bool answers() const { return silence_.what.empty(); }
    // What keeps the record from being used, and what to do about it; empty: nothing.
    [[nodiscard]] const std::string& trouble() const { return answers() ? damage_.what : silence_.what; }
    [[nodiscard]] const std::string& hint() const { return answers() ? damage_.hint : silence_.hint; }
    [[nodiscard]] std::string describe() const { return engine_.describe(); }

    // Another may lead at once. The last thing to be done.
    Task<> resign();

private:
    Task<> tend();
    Task<> take_step(Instant now);
    Task<> watch();
    Task<> campaign();
    Task<> keep();
    Task<> read();
    Task<> create();
    // none: not now, and why is noted.
    std::optional<Record> first_record();
    [[nodiscard]] bool is_older(const Record& remembered) const;
    [[nodiscard]] bool all_have_spoken() const;
    Task<> write_out();
    Task<> look_at_other();
    void lead_no_longer(const std::string& why);
    void forget_all();
    void note_answer(const Fault* fault);
    void note_content(const Fault* fault);
    [[nodiscard]] Duration next_wait() const;

    boost::asio::io_context& loop_;
    const Clock& clock_;
    ClusterRecord& engine_;
    const Policy& policy_;
    std::string candidate_;
    Duration ttl_;
    std::function<void()> changed_;
    Wake wake_, watch_pause_;
    std::optional<Knowledge> known_;
    std::optional<Record> to_write_;
    std::optional<Record> last_read_;
    Revision revision_;   // of known_->record
    Instant again_at_{};  // after a failure, no call before this
    Instant keep_at_{};
    std::string leader_;
    Fault silence_{FaultKind::unavailable, "it has not been asked yet", {}};  // no text: the engine answers
    Fault damage_{FaultKind::corrupt, {}, {}};                                // no text: what it holds can be used
    bool reread_ = false;
    bool ending_ = false;
};

}  // namespace pgbosun::controller
