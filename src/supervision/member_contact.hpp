#pragma once
// Decision: when it is worth telling that another member of the cluster is asked in vain, and when that it answers again. Pure.

#include <map>
#include <string>
#include <vector>

#include "pgbosun/instance_status.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

class MemberContact {
public:
    enum class News { none, silent, answers };

    // A moment without an answer is a restart, or a lost packet.
    static constexpr Duration moment = std::chrono::seconds(5);
    // Who has not been asked for so long is of no interest any more.
    static constexpr Duration forgotten_after = std::chrono::minutes(1);

    // What came of a question; `lack`: why nothing that can be used, empty: an answer.
    News note(const std::string& member, const std::string& lack, Instant now);
    // Who was told to be silent, and is asked.
    [[nodiscard]] std::vector<SilentMember> silent(Instant now) const;

private:
    struct Contact {
        std::string why;
        Instant since{};  // the first question in vain
        Instant asked_at{};
        bool told = false;
    };
    std::map<std::string, Contact> in_vain_;
};

}  // namespace pgbosun::supervision
