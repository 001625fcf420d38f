// The record in a real etcd of one node, which all cases share: each has a cluster of its own in it.
#include <thread>

#include "cluster_record/etcd_record.hpp"
#include "contract/cluster_record/benches.hpp"
#include "support/real_etcd.hpp"

namespace pgbosun::test {

std::vector<RecordKind> record_kinds() {
    static const RealEtcd etcd(1);
    return {{"etcd", [] {
                 static int clusters = 0;
                 const std::string cluster = "c" + std::to_string(++clusters);
                 const auto loop = std::make_shared<boost::asio::io_context>();
                 RecordBench bench;
                 bench.loop = loop.get();
                 bench.engine = loop;
                 bench.candidate = [loop, cluster](const std::string& name) -> std::unique_ptr<ClusterRecord> {
                     cluster_record::EtcdOptions options;
                     options.endpoints = etcd.endpoints();
                     options.cluster = cluster;
                     options.candidate = name;
                     options.request_timeout = std::chrono::seconds(10);
                     return std::move(*cluster_record::EtcdRecord::make(*loop, std::move(options)));
                 };
                 // etcd's leases run out by its own clock, and nothing can be asked of it that ends when one has.
                 bench.let_pass = [](Duration by) { std::this_thread::sleep_for(by); };
                 return bench;
             }}};
}

}  // namespace pgbosun::test
