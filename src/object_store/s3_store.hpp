#pragma once
// The port over Amazon S3, what speaks its protocol (MinIO, Ceph, R2), and Google Cloud Storage, whose XML interface
// differs in names: there the condition is `x-goog-if-generation-match: 0`.
//
// put_if_absent asks with `If-None-Match: *`. Not every store honours that, and some ignore it silently, so the first
// call of the process finds out: it puts the key `<prefix><server>/.pgbosun-probe` under that condition until the
// store refuses (honoured) or overwrites (not). Where it is not honoured, HEAD comes first or, when many uploads to one
// directory follow each other, a listing of it that is at most a second old; then two writers of one key within that
// time can both be told success, and the later one's bytes stay: use one writer, or another store.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "object_store/recent_absence.hpp"
#include "object_store/s3_session.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::object_store {

class S3ObjectStore final : public ObjectStore {
public:
    explicit S3ObjectStore(S3Options options);

    Result<> put_if_absent(const std::string& key, std::span<const std::byte> body,
                           const ObjectMetadata& metadata) override;
    Result<> put(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata) override;
    Result<std::unique_ptr<PartedUpload>> begin_parted(const std::string& key, std::uint64_t part_size,
                                                       const ObjectMetadata& metadata) override;
    // refused: the store cannot list or abort them (s3rver); a lifecycle rule of the bucket does it then.
    Result<std::uint64_t> abort_unfinished(const std::string& prefix) override;
    Result<ObjectFacts> get(const std::string& key, const Sink& sink, const std::function<void()>& restart) override;
    Result<ObjectFacts> head(const std::string& key) override;
    Result<Listing> list(const std::string& prefix, const std::string& delimiter,
                         const std::optional<std::string>& after) override;
    Result<> remove(const std::vector<std::string>& keys) override;
    [[nodiscard]] std::string describe() const override;
    void cancel() override;

private:
    enum class Condition { unknown, honoured, ignored };
    Result<Condition> condition();
    Result<Condition> probe();
    Result<> put_after_looking(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata);
    Result<> put_after_head(const std::string& key, std::span<const std::byte> body, const ObjectMetadata& metadata);
    RecentAbsence::Known look_in_listing(const std::string& key);
    [[nodiscard]] S3Operation put_operation(const std::string& key, std::span<const std::byte> body,
                                            const ObjectMetadata& metadata) const;
    Result<> remove_some(const std::vector<std::string>& keys);
    Result<> remove_one_by_one(const std::vector<std::string>& keys);

    S3Session session_;
    const S3Options& options_;  // the session's
    std::mutex probing_;
    std::atomic<Condition> condition_ = Condition::unknown;
    std::mutex listing_;  // taken before looking_: one listing at a time
    std::mutex looking_;
    RecentAbsence absence_;
};

}  // namespace pgbosun::object_store
