#include "kept_schedules.hpp"

namespace pgbosun::sim {

const std::vector<std::string>& kept_schedules() {
    static const std::vector<std::string> kept{
        // A standby's position was believed that it reported while the old primary, out of the controller's
        // sight, went
        // on by promises: the data was judged by the leases' end alone (docs/decisions/0021).
        "seed 67936 instances 3 controllers 2 loss 69 twice 0 late 22 synchronous 1 preferred 1 poll 500 "
        "brisk 0 end "
        "16764\n"
        "stop_agent at 8005 for 4858 who 0 whom 1\n"
        "kill_postgres at 10091 for 0 who 1 whom 1\n"
        "stop_agent at 10304 for 3247 who 2 whom 2\n",
        // A write that was given up arrived later; its controller granted the deposed primary for ever, as it
        // never
        // read again.
        "seed 2909 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 0 preferred 0 poll 500 brisk "
        "0 end "
        "10980\n"
        "restart_agent at 9493 for 1229 who 1 whom 2\n"
        "stop_controller at 7480 for 2049 who 3 whom 3\n"
        "freeze_pod at 9484 for 3390 who 2 whom 1\n"
        "freeze_pod at 5008 for 5278 who 0 whom 2\n"
        "record_slow at 7012 for 8889 who 2 whom 0\n",
        // A promotion was taken for failed before the next status could show its success, again and again.
        "seed 21385 instances 4 controllers 2 loss 53 twice 48 late 21 synchronous 0 preferred 0 poll 1019 "
        "brisk 0 end 31220\n"
        "cut_control at 29406 for 1774 who 0 whom 0\n"
        "cut_control at 19456 for 8008 who 0 whom 2\n"
        "freeze_pod at 18676 for 6866 who 3 whom 1\n"
        "cut_control at 22339 for 1930 who 2 whom 2\n"
        "cut_control at 23048 for 1712 who 2 whom 3\n"
        "cut_control at 22596 for 6428 who 0 whom 0\n"
        "freeze_pod at 8530 for 8306 who 1 whom 2\n"
        "freeze_pod at 14033 for 5815 who 2 whom 0\n"
        "freeze_pod at 14896 for 1987 who 0 whom 3\n",
        // A standby that already followed the new primary seemed to hold more than the primary's last report.
        "seed 33948 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 0 poll 1357 "
        "brisk 0 end "
        "19360\n"
        "cut_control at 13489 for 3168 who 0 whom 2\n"
        "freeze_pod at 13458 for 8581 who 2 whom 2\n"
        "stop_agent at 19360 for 8241 who 0 whom 1\n"
        "record_down at 9896 for 1469 who 1 whom 1\n"
        "kill_postgres at 11722 for 0 who 1 whom 1\n"
        "restart_agent at 15459 for 1061 who 0 whom 1\n"
        "cut_control at 17833 for 12663 who 2 whom 2\n"
        "freeze_pod at 18233 for 5597 who 0 whom 2\n"
        "restart_controller at 9614 for 4604 who 4 whom 3\n"
        "isolate at 9194 for 4158 who 1 whom 3\n"
        "cut_peers at 8020 for 5018 who 2 whom 2\n"
        "isolate at 11245 for 8795 who 3 whom 5\n",
        // A rule of which too few standbys are left could not be replaced by one that the others can keep.
        "seed 12 instances 4 controllers 2 loss 65 twice 0 late 38 synchronous 2 preferred 0 poll 500 brisk "
        "0 end "
        "16233\n",
        // A standby without a controller went on streaming through two changes of primary, confirmed commits of the second, and
        // was taken for one that holds less than who had heard of that term.
        "seed 20555612 instances 4 controllers 2 loss 49 twice 53 late 41 synchronous 2 preferred 0 poll 500 brisk 0 "
        "end "
        "39014\n"
        "cut_control at 13609 for 3591 who 0 whom 2\n"
        "cut_control at 13023 for 6788 who 1 whom 1\n"
        "freeze_pod at 19352 for 5106 who 0 whom 0\n",
        // A primary went on without standbys for a while, and forgot which of them had confirmed what before.
        "seed 20943871 instances 3 controllers 2 loss 57 twice 0 late 35 synchronous 1 preferred 1 poll 500 brisk 0 "
        "end 19125\n"
        "cut_peers at 9269 for 11892 who 1 whom 2\n"
        "cut_peers at 8613 for 2414 who 1 whom 0\n"
        "restart_agent at 12170 for 5919 who 0 whom 2\n"
        "fence at 10074 for 7786 who 2 whom 2\n",
        // An agent that had not read its WAL since it was started was taken to hold no more than it knew of.
        "seed 650 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 1 poll 500 brisk 0 end "
        "24720\n"
        "split at 9176 for 6661 who 1 whom 42\n",
        // A record of the term before was put back: the primary of the newest one, out of the controllers' sight for a while, was
        // nobody's former primary, and another one was promoted beside it.
        "seed 4 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 0 preferred 0 poll 500 brisk 0 end 30000\n"
        "switchover at 9000 for 0 who 1 whom 0\n"
        "old_record at 12429 for 15000 who 0 whom 0\n"
        "cut_control at 17399 for 6000 who 1 whom 0\n",
        // A failover by force, and a switchover a moment later that was given up: the others had parted from the only one with
        // data, and waited for it to serve; nobody asked them whether they had written anything since.
        "seed 2019841916 instances 4 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 1 poll 500 brisk 0 "
        "end "
        "24696\n"
        "cut at 7104 for 7355 who 6 whom 4\n"
        "cut_control at 8206 for 9239 who 0 whom 2\n"
        "restart_agent at 8710 for 4739 who 2 whom 0\n"
        "restart_agent at 7524 for 487 who 2 whom 3\n"
        "switchover at 22637 for 0 who 3 whom 0\n"
        "restart_agent at 15430 for 877 who 2 whom 3\n"
        "stall_receiver at 7980 for 4994 who 1 whom 0\n"
        "end_agent at 13977 for 4985 who 0 whom 0\n"
        "end_agent at 10106 for 1015 who 0 whom 0\n"
        "end_agent at 14254 for 4506 who 2 whom 0\n"
        "force at 21530 for 0 who 2 whom 0\n",
        "seed 1287259265 instances 3 controllers 2 loss 0 twice 56 late 59 synchronous 1 preferred 0 poll 500 brisk 0 "
        "end "
        "10824\n"
        "stall_receiver at 4893 for 7960 who 2 whom 0\n"
        "switchover at 5417 for 0 who 1 whom 0\n"
        "force at 5081 for 0 who 2 whom 0\n",
        // The first primary had lost its volume before a failover by force: what it had written was known to nobody, and the one
        // with the data of a later term waited for it when a switchover was given up.
        "seed 3009598 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 0 poll 500 brisk 0 end "
        "12650\n"
        "switchover at 10151 for 0 who 1 whom 1\n"
        "stop_controller at 9610 for 460 who 4 whom 3\n"
        "kill_postgres at 3526 for 0 who 2 whom 0\n"
        "force at 7402 for 0 who 2 whom 0\n"
        "lose_volume at 6008 for 13715 who 0 whom 0\n",
        // A primary was isolated while the record was an old one: stopped at once it could not say how much it held, so nobody could
        // have the record begin anew with it.
        "seed 2729406235 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 0 poll 630 brisk 0 "
        "end "
        "13360\n"
        "switchover at 3318 for 0 who 2 whom 0\n"
        "old_record at 4526 for 13779 who 0 whom 1\n"
        "lose_volume at 11627 for 11634 who 1 whom 1\n",
        // A record began anew while the primary of the newest term was no member any more: nobody asked whether it had stopped.
        "seed 4840 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 0 poll 1369 brisk 0 end "
        "29800\n"
        "first 1 ranked 1 spare 0\n"
        "isolate at 6396 for 11521 who 2 whom 1\n"
        "old_record at 25121 for 5953 who 0 whom 1\n"
        "drop_member at 26191 for 9567 who 1 whom 56\n",
        // While too few standbys were there, who had been taken out was taken out of the rule too: one that names fewer than it
        // needs cannot be taken over, and after four of them no other was written.
        "seed 5007457 instances 3 controllers 2 loss 0 twice 0 late 0 synchronous 1 preferred 0 poll 500 brisk 0 end "
        "18150\n"
        "fence at 8269 for 6424 who 1 whom 1\n"
        "restart_controller at 6906 for 4591 who 4 whom 4\n"
        "drop_member at 11095 for 4565 who 2 whom 3405\n"
        "drop_member at 15430 for 11008 who 1 whom 1083\n",
    };
    return kept;
}

std::uint64_t known_seed(Sabotage sabotage) {
    switch (sabotage) {
        case Sabotage::echo: return 2174;
        case Sabotage::fresh_leader_wait:
        case Sabotage::lease_wait: return 2394;
        case Sabotage::leader_checks: return 1303;
        case Sabotage::unlisted_needs_stops: return 2717;
        case Sabotage::highest_term_only: return 3961;
        case Sabotage::list_order: return 4887;
        case Sabotage::former_under_term: return 7597;
        case Sabotage::alone_keeps_rules: return 18056;
        case Sabotage::unheard_terms: return 123;
        case Sabotage::unread_wal: return 195;
        default: return 1;
    }
}

}  // namespace pgbosun::sim
