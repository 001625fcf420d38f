#pragma once
// Shell: the controller of one cluster. Observes every instance, asks `choose`, and has it done: assignments to agents,
// changes of the record, roles where clients look for them. All on one loop.

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/choose.hpp"
#include "controller/observer.hpp"
#include "controller/record_keeper.hpp"
#include "controller/report.hpp"
#include "pgbosun/controller_control.hpp"
#include "pgbosun/publication.hpp"

namespace pgbosun::controller {

// How a candidate is called in the election: where it is to be asked, and which life of it.
struct Candidate {
    std::string url;  // "http://10.0.0.7:8009"
    std::string id;
    [[nodiscard]] std::string text() const { return url + " " + id; }
    static Candidate parse(const std::string& text);
};

struct ControllerParts {
    ClusterRecord* record = nullptr;
    Publication* publication = nullptr;                       // none: nothing is published
    std::map<std::string, std::unique_ptr<AgentLink>> links;  // of each member of the policy
};

class Controller final : public ControllerControl {
public:
    // `clock` and what `parts` points to outlive it.
    Controller(boost::asio::io_context& loop, const Clock& clock, Policy policy, Candidate candidate,
               ControllerParts parts);

    void begin();
    // Gives the leadership up, so that another need not wait for it to run out. Bounded.
    Task<> end() { return keeper_.resign(); }

    ControllerStatus status() override;
    ControlAnswer command(ControllerRequest request) override;

private:
    struct Instance {
        std::unique_ptr<Observer> observer;
        Heard heard;
        std::optional<InstanceStatus> last;  // that it gave
        Instant last_at{};
        std::string trouble = "it has not answered yet";  // empty: it is counted on
        std::string refusal;                              // of its last assignment
        std::optional<PublishedRole> published;
    };

    void take(const std::string& name, const Heard& heard);
    Task<> act();
    void perform(Action action);
    void perform_write(Write write);
    void tell_given_up(const Assignment& promotion);
    void note(const Choice& choice);
    void note_wish(Instant now);
    void note_order();
    void look_closely(const Choice& choice, Instant now);
    Task<> deliver(Assignment assignment);
    Task<> publish_all();
    Task<> publish(const std::string& name, PublishedRole role);
    Task<> tell(std::string reason, std::string message);
    [[nodiscard]] std::optional<PublishedRole> role_of(const std::string& name) const;
    [[nodiscard]] const Knowledge* knowledge() const { return keeper_.knowledge(); }
    [[nodiscard]] bool is_fresh(const Instance& instance) const;

    ControlAnswer switch_to(Knowledge& known, const ControllerRequest& request);
    [[nodiscard]] ControlAnswer nothing_to_hand_over(const Knowledge& known, const std::string& to) const;
    ControlAnswer without_lost(Knowledge& known, const ControllerRequest& request);
    ControlAnswer renew_record(Knowledge& known, const ControllerRequest& request);
    ControlAnswer set_paused(Knowledge& known, ControllerVerb verb);
    ControlAnswer demote(Knowledge& known, const ControllerRequest& request);
    ControlAnswer promote(Knowledge& known, const ControllerRequest& request);
    ControlAnswer write_wish(Knowledge& known, Record record);
    ControlAnswer take_wish(Knowledge& known, Wanted wanted);
    Task<> checkpoint_first(std::string primary, std::string to);

    boost::asio::io_context& loop_;
    const Clock& clock_;
    Policy policy_;
    Candidate candidate_;
    Publication* publication_;
    std::map<std::string, Instance> instances_;
    RecordKeeper keeper_;
    Wake decide_, publish_;
    std::optional<Record> ordered_;  // what an operator's order makes of the record, until it is known whether it is so
    std::string waits_for_, hint_;
    Instant looked_closely_at_{};
    Term serving_term_ = 0;   // the last whose primary was seen to take writes
    Term promoted_term_ = 0;  // the last whose primary was told to become it
    std::uint64_t changes_ = 0;
};

}  // namespace pgbosun::controller
