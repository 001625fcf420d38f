#pragma once
// A cluster's record in etcd 3.4 or newer, over its JSON gateway: the keys pgbosun/<cluster>/record and .../leader, the
// latter with a lease. An endpoint that does not answer in time is passed over for the next; the one that answered last
// is asked first.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster_record/etcd_messages.hpp"
#include "http/client.hpp"
#include "pgbosun/cluster_record.hpp"

namespace pgbosun::cluster_record {

struct EtcdOptions {
    std::vector<std::string> endpoints;  // "http://etcd-0:2379"
    std::string cluster;
    std::string candidate;
    http::ClientTrust trust;                             // for https
    std::optional<std::string> user;                     // with etcd's authentication
    std::optional<std::string> password_file;            // read whenever a token is needed
    Duration request_timeout = std::chrono::seconds(1);  // of one endpoint
};

class EtcdRecord final : public ClusterRecord {
public:
    // refused: an endpoint is no URL. `io` outlives it.
    static Result<std::unique_ptr<EtcdRecord>> make(boost::asio::io_context& io, EtcdOptions options);

    Task<Result<RecordText>> read() override;
    Task<Result<Revision>> create(std::string text) override;
    Task<Result<Revision>> replace(std::string text, Revision expected) override;
    Task<Result<RecordChange>> changed(Duration wait) override;
    Task<Result<>> campaign(Duration ttl) override;
    Task<Result<>> keep() override;
    Task<Result<>> resign() override;
    Task<Result<std::optional<std::string>>> leader() override;
    [[nodiscard]] std::string describe() const override;

private:
    // A body, and how often it was asked for: after more than once an earlier try may have been carried out.
    struct Called {
        std::string body;
        std::size_t tries = 0;
    };

    EtcdRecord(boost::asio::io_context& io, EtcdOptions options, std::vector<http::Client> clients);
    Task<Result<Called>> call(std::string path, std::string body);
    Task<Result<http::Answered>> ask(std::string path, std::string body);
    Task<Result<>> authenticate();
    Task<Result<EtcdAnswer>> range(std::string key);
    Task<Result<Revision>> put(std::string text, std::int64_t mod_revision);
    Task<Result<>> take_leadership(std::int64_t lease);
    Task<Result<>> begin_watching();

    boost::asio::io_context& io_;
    EtcdOptions options_;
    std::vector<http::Client> clients_;
    std::size_t current_ = 0;  // whom to ask first
    std::optional<std::string> token_;
    std::string prefix_;           // "pgbosun/orders/"
    std::int64_t told_until_ = 0;  // the store's revision that changed() has told of; 0: none
    std::int64_t lease_ = 0;       // ours while we lead, or may
};

}  // namespace pgbosun::cluster_record
