#pragma once
// Which implementations the contract is run over; each executable brings its own.

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pgbosun/cluster_record.hpp"

namespace pgbosun::test {

// An engine that holds nothing.
struct RecordBench {
    boost::asio::io_context* loop = nullptr;
    std::function<std::unique_ptr<ClusterRecord>(const std::string& candidate)> candidate;
    // By the clock that leases count on.
    std::function<void(Duration)> let_pass;
    std::shared_ptr<void> engine;  // owned by the bench; of whatever type it is, with the loop in it
};

struct RecordKind {
    std::string name;
    std::function<RecordBench()> make;
};

std::vector<RecordKind> record_kinds();

}  // namespace pgbosun::test
