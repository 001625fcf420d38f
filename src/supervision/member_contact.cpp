#include "supervision/member_contact.hpp"

namespace pgbosun::supervision {

MemberContact::News MemberContact::note(const std::string& member, const std::string& lack, Instant now) {
    std::erase_if(in_vain_, [&](const auto& it) { return now - it.second.asked_at >= forgotten_after; });
    const auto found = in_vain_.find(member);
    if (lack.empty()) {
        if (found == in_vain_.end()) return News::none;
        const bool told = found->second.told;
        in_vain_.erase(found);
        return told ? News::answers : News::none;
    }
    Contact& contact = in_vain_.try_emplace(member, Contact{lack, now, now, false}).first->second;
    contact.why = lack;
    contact.asked_at = now;
    if (contact.told || now - contact.since < moment) return News::none;
    contact.told = true;
    return News::silent;
}

std::vector<SilentMember> MemberContact::silent(Instant now) const {
    std::vector<SilentMember> members;
    for (const auto& [name, contact] : in_vain_) {
        const bool asked = now - contact.asked_at < forgotten_after;
        if (contact.told && asked) members.push_back({name, contact.why, contact.since});
    }
    return members;
}

}  // namespace pgbosun::supervision
