// A file system in memory that can lose its power and refuse its service.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pipeline/store/file_system.h"

namespace logboom {

/// Any thread. What was not synced is lost in a power cut or stays in part: each 512 bytes of each write on their own, and
/// at times torn within. A file's name is on the medium when its directory was synced after it was made.
class MemoryFiles final : public FileSystem {
 public:
  enum class Operation { Open, Create, Read, Write, Sync, Allocate, Rename, Remove, SyncDirectory };
  /// Asked before each operation; an Error is what the operation returns. A refused write may have written half of it.
  using Fault = std::function<std::optional<Error>(Operation, const std::string& path)>;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const std::lock_guard lock(mutex_);
    if (auto refused = ask(mode == OpenMode::Create ? Operation::Create : Operation::Open, path)) return *refused;
    auto found = names_.find(path);
    if (mode == OpenMode::Create) {
      if (found != names_.end()) return Error{ErrorCode::AlreadyExists, "opening " + path + ": it exists"};
      found = names_.emplace(path, std::make_shared<Inode>()).first;
    }
    if (found == names_.end()) return Error{ErrorCode::NotFound, "opening " + path + ": no such file"};
    return std::unique_ptr<File>(std::make_unique<Handle>(*this, found->second, path, life_));
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    if (is_off_) return Error{ErrorCode::Io, "the power is off"};
    if (directories_.count(directory) == 0) return Error{ErrorCode::NotFound, "listing " + directory};
    std::vector<std::string> names;
    for (const auto& [path, inode] : names_)
      if (parent_of(path) == directory) names.push_back(path.substr(directory.size() + 1));
    return names;
  }
  Result<void> make_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    directories_.insert(path);
    return {};
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    const std::lock_guard lock(mutex_);
    if (auto refused = ask(Operation::Rename, from)) return *refused;
    const auto found = names_.find(from);
    if (found == names_.end()) return Error{ErrorCode::NotFound, "renaming " + from};
    const auto inode = found->second;
    names_.erase(found);
    names_[to] = inode;
    return {};
  }
  Result<void> remove(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (auto refused = ask(Operation::Remove, path)) return *refused;
    if (names_.erase(path) == 0) return Error{ErrorCode::NotFound, "removing " + path};
    return {};
  }
  Result<void> sync_directory(const std::string& path) override {
    const std::lock_guard lock(mutex_);
    if (auto refused = ask(Operation::SyncDirectory, path)) return *refused;
    if (lie_ != Lie::Directories) sync_names(path);
    return {};
  }
  Result<std::unique_ptr<DirectoryLock>> lock(const std::string& directory) override {
    const std::lock_guard lock(mutex_);
    if (!locked_.insert(directory).second) return Error{ErrorCode::AlreadyExists, directory + " is locked"};
    return std::unique_ptr<DirectoryLock>(std::make_unique<Lock>(*this, directory, life_));
  }

  /// What sync calls claim to do and do not, as a broken disk or a broken store would have it.
  enum class Lie { None, Files, Directories };
  void lie_about_sync(Lie lie) {
    const std::lock_guard lock(mutex_);
    lie_ = lie;
  }

  void set_fault(Fault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
  }

  /// From now on nothing works until power_on(); then what is on the medium is what a new process finds.
  void cut_power(std::mt19937_64& random) {
    const std::lock_guard lock(mutex_);
    cut_power_locked(random);
  }
  /// The same right before the operation after the next `operations` that change something.
  void cut_power_after(std::uint64_t operations, std::uint64_t seed) {
    const std::lock_guard lock(mutex_);
    operations_to_cut_ = operations;
    cut_seed_ = seed;
  }
  /// False when it has not come to that.
  bool was_cut() const {
    const std::lock_guard lock(mutex_);
    return is_off_;
  }
  void power_on() {
    const std::lock_guard lock(mutex_);
    is_off_ = false;
  }
  /// The process ends, the machine does not: the files stay as they are.
  void kill_process() {
    const std::lock_guard lock(mutex_);
    ++life_;
    locked_.clear();
  }

  /// What another process would find if this one were killed now.
  void copy_to(MemoryFiles& other) const {
    const std::scoped_lock lock(mutex_, other.mutex_);
    other.directories_ = directories_;
    other.names_.clear();
    for (const auto& [path, inode] : names_) {
      const auto copy = std::make_shared<Inode>();
      copy->now = copy->durable = inode->now;
      other.names_[path] = copy;
    }
    other.durable_names_ = other.names_;
  }

  // For tests that damage files: what is on the medium and in memory alike.
  std::vector<std::string> paths() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [path, inode] : names_) all.push_back(path);
    return all;
  }
  std::string content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto found = names_.find(path);
    return found == names_.end() ? std::string() : found->second->now;
  }
  void set_content(const std::string& path, std::string bytes) {
    const std::lock_guard lock(mutex_);
    auto& inode = names_[path];
    if (!inode) inode = std::make_shared<Inode>();
    inode->now = inode->durable = std::move(bytes);
    inode->unsynced.clear();
    durable_names_[path] = inode;
  }
  std::uint64_t total_bytes() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t bytes = 0;
    for (const auto& [path, inode] : names_) bytes += inode->now.size();
    return bytes;
  }

 private:
  static constexpr std::size_t kSectorBytes = 512;

  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;
    std::optional<std::uint64_t> new_size;  // of a truncation or reservation
  };

  struct Inode {
    std::string now;      // what a reader sees
    std::string durable;  // what a good sync() left
    std::vector<Change> unsynced;

    static void apply(const Change& change, std::string& content) {
      if (change.new_size) {
        content.resize(*change.new_size, '\0');
        return;
      }
      if (content.size() < change.offset + change.bytes.size()) content.resize(change.offset + change.bytes.size(), '\0');
      std::memcpy(content.data() + change.offset, change.bytes.data(), change.bytes.size());
    }
    void add(Change change) {
      apply(change, now);
      unsynced.push_back(std::move(change));
    }
    void sync() {
      for (const Change& change : unsynced) apply(change, durable);
      unsynced.clear();
    }
    void cut_power(std::mt19937_64& random) {
      for (const Change& change : unsynced) {
        if (change.new_size) {
          if (random() % 2 == 0) apply(change, durable);
          continue;
        }
        const auto kind = random() % 4;
        if (kind == 0) continue;
        if (kind == 1) {  // torn at some byte
          apply({change.offset, change.bytes.substr(0, random() % (change.bytes.size() + 1)), {}}, durable);
          continue;
        }
        std::uint64_t at = change.offset;
        const std::uint64_t end = change.offset + change.bytes.size();
        while (at < end) {
          const std::uint64_t sector_end = std::min(end, at / kSectorBytes * kSectorBytes + kSectorBytes);
          if (kind == 2 || random() % 2 == 0)
            apply({at, change.bytes.substr(at - change.offset, sector_end - at), {}}, durable);
          at = sector_end;
        }
      }
      unsynced.clear();
      now = durable;
    }
  };

  class Handle final : public File {
   public:
    Handle(MemoryFiles& files, std::shared_ptr<Inode> inode, std::string path, int life)
        : files_(files), inode_(std::move(inode)), path_(std::move(path)), life_(life) {}

    Result<std::size_t> read_at(std::uint64_t offset, char* to, std::size_t size) override {
      const std::lock_guard lock(files_.mutex_);
      if (auto refused = ask(Operation::Read)) return *refused;
      if (offset >= inode_->now.size()) return std::size_t{0};
      const std::size_t got = std::min<std::size_t>(size, inode_->now.size() - offset);
      std::memcpy(to, inode_->now.data() + offset, got);
      return got;
    }
    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      const std::lock_guard lock(files_.mutex_);
      if (auto refused = ask(Operation::Write)) {
        if (life_ == files_.life_) inode_->add({offset, std::string(bytes.substr(0, bytes.size() / 2)), {}});
        return *refused;
      }
      inode_->add({offset, std::string(bytes), {}});
      return {};
    }
    Result<void> sync() override {
      const std::lock_guard lock(files_.mutex_);
      if (auto refused = ask(Operation::Sync)) {
        // The system shows what was written and will never write it.
        if (life_ == files_.life_) inode_->unsynced.clear();
        return *refused;
      }
      if (files_.lie_ != Lie::Files) inode_->sync();
      return {};
    }
    Result<void> allocate(std::uint64_t size) override {
      const std::lock_guard lock(files_.mutex_);
      if (auto refused = ask(Operation::Allocate)) return *refused;
      if (size > inode_->now.size()) inode_->add({0, {}, size});
      return {};
    }
    Result<void> truncate(std::uint64_t size) override {
      const std::lock_guard lock(files_.mutex_);
      if (auto refused = ask(Operation::Write)) return *refused;
      inode_->add({0, {}, size});
      return {};
    }
    Result<std::uint64_t> size() override {
      const std::lock_guard lock(files_.mutex_);
      return std::uint64_t{inode_->now.size()};
    }
    Result<std::int64_t> modified_at() override { return std::int64_t{0}; }

   private:
    std::optional<Error> ask(Operation operation) {
      if (life_ != files_.life_) return Error{ErrorCode::Io, "the power is off"};
      return files_.ask(operation, path_);
    }
    MemoryFiles& files_;
    std::shared_ptr<Inode> inode_;
    const std::string path_;
    const int life_;
  };

  class Lock final : public DirectoryLock {
   public:
    Lock(MemoryFiles& files, std::string directory, int life)
        : files_(files), directory_(std::move(directory)), life_(life) {}
    ~Lock() override {
      const std::lock_guard lock(files_.mutex_);
      if (life_ == files_.life_) files_.locked_.erase(directory_);
    }

   private:
    MemoryFiles& files_;
    const std::string directory_;
    const int life_;
  };

  void cut_power_locked(std::mt19937_64& random) {
    operations_to_cut_.reset();
    is_off_ = true;
    ++life_;
    locked_.clear();
    // Names: what was synced, and of the rest all or nothing per directory entry.
    std::map<std::string, std::shared_ptr<Inode>> left = durable_names_;
    for (const auto& [path, inode] : names_)
      if (left.count(path) == 0 && random() % 2 == 0) left[path] = inode;
    for (auto entry = left.begin(); entry != left.end();) {
      const bool was_removed = names_.count(entry->first) == 0;
      entry = was_removed && random() % 2 == 0 ? left.erase(entry) : std::next(entry);
    }
    names_ = left;
    durable_names_ = left;
    std::set<Inode*> cut;
    for (const auto& [path, inode] : names_)
      if (cut.insert(inode.get()).second) inode->cut_power(random);
  }

  static std::string parent_of(const std::string& path) { return path.substr(0, path.find_last_of('/')); }
  std::optional<Error> ask(Operation operation, const std::string& path) {
    if (is_off_) return Error{ErrorCode::Io, "the power is off"};
    const bool changes = operation != Operation::Open && operation != Operation::Read;
    if (changes && operations_to_cut_ && (*operations_to_cut_)-- == 0) {
      std::mt19937_64 random(cut_seed_);
      cut_power_locked(random);
      return Error{ErrorCode::Io, "the power is off"};
    }
    return fault_ ? fault_(operation, path) : std::nullopt;
  }
  void sync_names(const std::string& directory) {
    for (auto entry = durable_names_.begin(); entry != durable_names_.end();)
      entry = parent_of(entry->first) == directory && names_.count(entry->first) == 0 ? durable_names_.erase(entry)
                                                                                      : std::next(entry);
    for (const auto& [path, inode] : names_)
      if (parent_of(path) == directory) durable_names_[path] = inode;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Inode>> names_;
  std::map<std::string, std::shared_ptr<Inode>> durable_names_;
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  Fault fault_;
  Lie lie_ = Lie::None;
  int life_ = 0;
  bool is_off_ = false;
  std::optional<std::uint64_t> operations_to_cut_;
  std::uint64_t cut_seed_ = 0;
};

}  // namespace logboom
