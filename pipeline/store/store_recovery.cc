// What SegmentStore::open() does: makes sense of whatever lies in the directory.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "pipeline/store/segment_store.h"

namespace logboom {
namespace {

constexpr const char* kAside = "moving.";
constexpr std::size_t kMostLooks = 16;  // files that are looked at at the same time
constexpr std::size_t kFewestFilesPerLook = 4;

}  // namespace

class StoreRecoverer {
 public:
  explicit StoreRecoverer(SegmentStore& store) : store_(store), files_(store.files_), directory_(store.options_.directory) {}

  Result<void> run() {
    if (auto made = files_.make_directory(directory_); !made) return made;
    auto lock = files_.lock(directory_);
    if (!lock) return lock.error();
    store_.lock_ = std::move(*lock);
    if (auto sorted = sort_files(); !sorted) return sorted;
    if (auto loaded = load_state(); !loaded) return loaded;
    if (auto identified = identify_unknown(); !identified) return identified;
    if (auto found = read_segments(); !found) return found;
    if (auto scanned = scan_tail(); !scanned) return scanned;
    adopt();
    name_missing();
    store_.recovery_.quarantined = quarantined_;
    if (store_.recovery_.lost > 0) store_.lost_counter_->add(store_.recovery_.lost);
    for (const std::string& finding : store_.recovery_.findings) log_warn(store_.options_.name, "{}", finding);
    return store_.save_state(store_.options_.sync != StoreSync::Never, false);
  }

 private:
  template <class... Args>
  void find(fmt::format_string<Args...> format, Args&&... args) {
    store_.recovery_.findings.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  enum class Content { Segment, State, Unknown };
  struct FoundFile {
    std::string name;      // as it lies there
    std::string own_name;  // as it was found
    Content content = Content::Unknown;
    SegmentHeader header;
    bool has_header = true;
    bool is_first_known =
        true;  // false: header.first_sequence is that of the first intact record, and others may have been before
    std::uint64_t size = 0;
  };

  /// Moves a file aside under a name that is free there.
  Result<void> quarantine(const FoundFile& file, const std::string& why) {
    const std::string& name = file.own_name;
    if (auto made = files_.make_directory(directory_ + kQuarantineFolder); !made) return made;
    auto taken = files_.list(directory_ + kQuarantineFolder);
    if (!taken) return taken.error();
    std::string free_name = name;
    for (int number = 1; std::find(taken->begin(), taken->end(), free_name) != taken->end(); ++number)
      free_name = fmt::format("{}.{}", name, number);
    if (auto moved = files_.rename(path_of(file.name), directory_ + kQuarantineFolder + "/" + free_name); !moved)
      return moved;
    find("{}/{} {}; it was moved to {}/{}", directory_, name, why, directory_ + kQuarantineFolder, free_name);
    store_.quarantined_counter_->add();
    ++quarantined_;
    return {};
  }

  Result<FoundFile> look_at(const std::string& name) {
    FoundFile found;
    found.name = name;
    auto file = files_.open(directory_ + "/" + name, OpenMode::Read);
    if (!file) return file.error();
    auto size = (*file)->size();
    if (!size) return size.error();
    found.size = *size;
    char page[segment_format::kHeaderPageBytes];
    auto got = (*file)->read_at(0, page, sizeof page);
    if (!got) return got.error();
    const std::string_view bytes(page, *got);
    if (const auto header = read_segment_header(bytes)) {
      found.content = Content::Segment;
      found.header = *header;
    } else if (looks_like_store_state(bytes)) {
      found.content = Content::State;
    }
    return found;
  }

  /// Many at a time: a disk that has to find them all anew takes a while for each.
  std::vector<Result<FoundFile>> look_at_all(const std::vector<std::string>& names) {
    std::vector<Result<FoundFile>> looks(names.size(), Error{ErrorCode::Io, "not looked at"});
    std::atomic<std::size_t> next{0};
    const auto look = [&] {
      for (std::size_t i = next++; i < names.size(); i = next++) looks[i] = look_at(names[i]);
    };
    std::vector<std::thread> others;
    while (others.size() + 1 < std::min(kMostLooks, names.size() / kFewestFilesPerLook)) others.emplace_back(look);
    look();
    for (std::thread& other : others) other.join();
    return looks;
  }

  static bool is_put_aside(const std::string& name) { return name.starts_with(kAside); }  // by a start that did not end
  static std::string own_name_of(const std::string& name) {
    return is_put_aside(name) ? name.substr(std::string_view(kAside).size()) : name;
  }

  /// Files tell what they are; whose name says something else is renamed (somebody swapped them). Those that do not tell are
  /// put aside for identify_unknown().
  Result<void> sort_files() {
    auto names = files_.list(directory_);
    if (!names) return names.error();
    std::erase_if(*names, [](const std::string& name) {
      const std::string own_name = own_name_of(name);
      return own_name != kStateSlotNames[0] && own_name != kStateSlotNames[1] && !segment_id_of(own_name);
    });
    std::vector<Result<FoundFile>> looks = look_at_all(*names);
    std::vector<FoundFile> misnamed;
    for (std::size_t i = 0; i < names->size(); ++i) {
      const std::string& name = (*names)[i];
      Result<FoundFile>& found = looks[i];
      if (!found) return found.error();
      const bool is_aside = is_put_aside(name);
      found->own_name = own_name_of(name);
      const bool is_slot = !segment_id_of(found->own_name);
      const bool is_right = !is_aside && ((is_slot && found->content == Content::State) ||
                                          (found->content == Content::Segment && segment_id_of(name) == found->header.id));
      if (is_right) {
        known_.insert(name);
        if (found->content == Content::Segment) segment_files_.push_back(std::move(*found));
        continue;
      }
      if (!is_aside) {
        if (auto moved = files_.rename(path_of(name), path_of(kAside + name)); !moved) return moved;
        found->name = kAside + name;
      }
      const bool is_known = found->content == Content::Segment || found->content == Content::State;
      (is_known ? misnamed : unknown_).push_back(std::move(*found));
    }
    for (FoundFile& file : misnamed) {
      std::string right;
      if (file.content == Content::Segment) right = segment_file_name(file.header.id);
      if (file.content == Content::State)
        for (const char* slot : kStateSlotNames)
          if (right.empty() && known_.count(slot) == 0) right = slot;
      if (right.empty() || known_.count(right) > 0) {
        if (auto moved = quarantine(file, "is a second copy"); !moved) return moved;
        continue;
      }
      if (auto moved = files_.rename(path_of(file.name), path_of(right)); !moved) return moved;
      find("{}: a file had another one's name; it is {} again", directory_, right);
      known_.insert(right);
      file.name = right;
      if (file.content == Content::Segment) segment_files_.push_back(std::move(file));
    }
    return {};
  }

  /// A segment without its header is known by its records: they count for one id alone. Its own name is tried first, then
  /// those that the state misses.
  Result<void> identify_unknown() {
    std::vector<std::uint64_t> missing;
    for (const auto& segment : state_.segments)
      if (known_.count(segment_file_name(segment.id)) == 0) missing.push_back(segment.id);
    for (FoundFile& file : unknown_) {
      std::vector<std::uint64_t> ids = missing;
      if (const auto own = segment_id_of(file.own_name)) ids.insert(ids.begin(), *own);
      bool is_segment = false;
      for (const std::uint64_t id : ids) {
        if (known_.count(segment_file_name(id)) > 0) continue;
        auto first = first_number(file, id);
        if (!first) return first.error();
        if (!*first) continue;
        if (auto moved = files_.rename(path_of(file.name), path_of(segment_file_name(id))); !moved) return moved;
        file.name = segment_file_name(id);
        file.header.id = id;
        file.header.first_sequence = **first;
        file.has_header = file.is_first_known = false;
        for (const auto& known : state_.segments) {
          if (known.id != id) continue;
          file.header.first_sequence = known.first_sequence;
          file.is_first_known = true;
        }
        find("{} has lost its header; its records are read without", path_of(file.name));
        known_.insert(file.name);
        segment_files_.push_back(file);
        is_segment = true;
        break;
      }
      if (is_segment) continue;
      if (const auto own = segment_id_of(file.own_name)) next_segment_ = std::max(next_segment_, *own + 1);
      auto opened = files_.open(path_of(file.name), OpenMode::Read);
      if (!opened) return opened.error();
      auto has_bytes = holds_something(**opened, file.size);
      if (!has_bytes) return has_bytes.error();
      // A file that was just being made has nothing in it.
      auto gone = *has_bytes ? quarantine(file, "holds nothing that can be read") : files_.remove(path_of(file.name));
      if (!gone) return gone;
    }
    return {};
  }

  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }

  Result<void> load_state() {
    auto loaded = store_.slots_.load();
    if (!loaded) return loaded.error();
    if (loaded->newest) {
      state_ = std::move(*loaded->newest);
      has_state_ = true;
    }
    for (const char* name : kStateSlotNames) {
      if (known_.count(name) == 0) continue;
      auto file = files_.open(directory_ + "/" + name, OpenMode::Read);
      if (!file) return file.error();
      auto size = (*file)->size();
      if (!size) return size.error();
      std::string bytes(static_cast<std::size_t>(*size), '\0');
      auto got = (*file)->read_at(0, bytes.data(), bytes.size());
      if (!got) return got.error();
      if (bytes.empty() || read_store_state(bytes)) continue;
      FoundFile damaged;
      damaged.name = damaged.own_name = name;
      if (auto moved = quarantine(damaged, "is a damaged state"); !moved) return moved;
    }
    return {};
  }

  Result<void> read_segments() {
    std::sort(segment_files_.begin(), segment_files_.end(),
              [](const FoundFile& left, const FoundFile& right) { return left.header.id < right.header.id; });
    for (const FoundFile& file : segment_files_) {
      SegmentStore::Segment found;
      found.path = directory_ + "/" + file.name;
      found.limit = file.size;
      found.header = file.header;
      if (file.header.key_id != KeyId{} && store_.options_.keys.find(file.header.key_id) == nullptr) {
        return Error{
            ErrorCode::InvalidArgument,
            fmt::format("{} is encrypted with a key that was not given: give old keys too, behind the new one", found.path)};
      }
      next_segment_ = std::max(next_segment_, found.header.id + 1);
      found_.push_back(std::move(found));
    }
    next_segment_ = std::max(next_segment_, state_.next_segment);
    return {};
  }

  /// The number of the first intact record in a file, if it is the segment of this id.
  Result<std::optional<std::uint64_t>> first_number(const FoundFile& file, std::uint64_t id) {
    auto opened = files_.open(path_of(file.name), OpenMode::Read);
    if (!opened) return opened.error();
    SegmentScanner scanner(**opened, id, segment_format::kHeaderPageBytes, file.size);
    ScannedRecord record;
    for (;;) {
      auto found = scanner.next(record);
      if (!found) return found.error();
      if (*found == SegmentScanner::Found::Record) return std::optional<std::uint64_t>(record.head.first_sequence);
      if (*found == SegmentScanner::Found::End) return std::optional<std::uint64_t>();
    }
  }

  /// One past the last number in a segment's intact records; 0 when there are none.
  Result<std::uint64_t> end_of_records(const SegmentStore::Segment& segment) {
    auto opened = files_.open(segment.path, OpenMode::Read);
    if (!opened) return opened.error();
    SegmentScanner scanner(**opened, segment.header.id, segment_format::kHeaderPageBytes, segment.limit);
    ScannedRecord record;
    std::uint64_t end = 0;
    for (;;) {
      auto found = scanner.next(record);
      if (!found) return found.error();
      if (*found == SegmentScanner::Found::Record) end = std::max(end, record.head.end_sequence());
      if (*found == SegmentScanner::Found::End) return end;
    }
  }

  static Result<bool> holds_something(File& file, std::uint64_t size, std::uint64_t from = 0) {
    std::string bytes(1024 * 1024, '\0');
    for (std::uint64_t at = from; at < size;) {
      auto got = file.read_at(at, bytes.data(), static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), size - at)));
      if (!got) return got.error();
      if (*got == 0) break;
      if (std::string_view(bytes.data(), *got).find_first_not_of('\0') != std::string_view::npos) return true;
      at += *got;
    }
    return false;
  }

  /// Where the numbers go on, and what of the last segment was never called safe.
  Result<void> scan_tail() {
    next_sequence_ = has_state_ ? state_.next_sequence : 0;
    if (found_.empty()) return {};
    SegmentStore::Segment& last = found_.back();
    const bool is_known = has_state_ && state_.tail_segment == last.header.id;
    const std::uint64_t start = is_known ? std::max<std::uint64_t>(state_.tail_offset, segment_format::kHeaderPageBytes)
                                         : segment_format::kHeaderPageBytes;
    std::uint64_t expected = is_known ? state_.next_sequence : last.header.first_sequence;
    std::uint64_t proven = has_state_ ? state_.next_sequence : 0;
    const FoundFile& last_file = segment_files_.back();
    if (!is_known && !last_file.is_first_known) {
      std::uint64_t end_before = proven;
      if (found_.size() > 1) {
        auto end = end_of_records(found_[found_.size() - 2]);
        if (!end) return end.error();
        end_before = std::max(end_before, *end);
      }
      expected = std::min(expected, end_before);
    }
    next_sequence_ = std::max(next_sequence_, expected);
    auto file = files_.open(last.path, OpenMode::ReadWrite);
    if (!file) return file.error();
    if (auto modified = (*file)->modified_at()) last.newest_at = *modified;
    SegmentScanner scanner(**file, last.header.id, start, last.limit);
    ScannedRecord record;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps;
    for (;;) {
      auto found = scanner.next(record);
      if (!found) return found.error();
      if (*found == SegmentScanner::Found::End) break;
      if (*found == SegmentScanner::Found::Damage) continue;
      const bool is_readable = last_file.has_header || (record.head.flags & kRecordIsEncrypted) == 0;
      const std::uint64_t gap_end = is_readable ? record.head.first_sequence : record.head.end_sequence();
      if (gap_end > expected) gaps.emplace_back(expected, gap_end);
      expected = std::max(expected, record.head.end_sequence());
      proven = std::max(proven, record.head.durable_before);
    }
    next_sequence_ = std::max({next_sequence_, expected, proven});
    for (auto [first, end] : gaps)
      if (end > proven) torn_.emplace_back(std::max(first, proven), end);
    if (start < last.limit)
      if (auto cut = cut_tail(**file, last, scanner.position()); !cut) return cut;
    return (*file)->sync();
  }

  Result<void> cut_tail(File& file, SegmentStore::Segment& last, std::uint64_t end) {
    if (end >= last.limit) return {};
    auto has_rest = holds_something(file, last.limit, end);
    if (!has_rest) return has_rest.error();
    if (*has_rest) {
      find(
          "{}: what follows byte {} is no whole record (it was being written when the process or the machine stopped, or is "
          "damaged); a copy goes to {}",
          last.path, end, directory_ + kQuarantineFolder);
      store_.quarantine({SegmentView{last.header, last.path, SegmentView::kUnknown, last.limit}, end, last.limit});
      ++quarantined_;
    }
    if (auto cut = file.truncate(end); !cut) return cut;
    last.limit = end;
    return {};
  }

  void adopt() {
    store_.next_segment_ = next_segment_;
    store_.next_sequence_ = store_.written_sequence_ = store_.safe_sequence_ = store_.durable_sequence_ = next_sequence_;
    store_.counters_ = state_.counters;
    const auto lost = store_.counters_.find(kLostCounter);
    if (lost != store_.counters_.end()) {
      store_.lost_ = lost->second;
      store_.counters_.erase(lost);
    }
    store_.frontier_ = std::min(state_.frontier, next_sequence_);
    if (!has_state_) store_.frontier_ = found_.empty() ? 0 : found_.front().header.first_sequence;
    for (std::size_t i = 0; i < found_.size(); ++i) {
      SegmentStore::Segment& segment = found_[i];
      if (i + 1 < found_.size()) segment.newest_at = found_[i + 1].header.created_at;
      if (segment.newest_at == 0) segment.newest_at = store_.now_milliseconds();
      store_.disk_bytes_ += segment.limit;
      store_.segments_.push_back(segment);
    }
    if (!found_.empty()) {
      store_.tail_segment_ = found_.back().header.id;
      store_.tail_offset_ = found_.back().limit;
    } else {
      store_.tail_segment_ = state_.tail_segment;
    }
    for (const auto& [first, end] : state_.done.ranges()) store_.mark_done_locked(first, std::min(end, next_sequence_));
    for (const auto& [first, end] : torn_) {
      const std::uint64_t torn = store_.mark_done_locked(first, end);
      store_.recovery_.torn += torn;
    }
    if (store_.recovery_.torn > 0)
      find("{} events were being written and had not been acknowledged; their senders send them again",
           store_.recovery_.torn);
    store_.has_deletable_ = !found_.empty();
  }

  /// Segments that the state knows and the directory does not have.
  void name_missing() {
    if (!has_state_) {
      if (found_.empty() && quarantined_ == 0) return;  // a new store
      store_.recovery_.is_lost_at_least = true;
      find(
          "{}: both slots of the state are gone: everything in the segments is taken as undelivered, and what was lost "
          "before the first of them is not known",
          directory_);
      return;
    }
    std::set<std::uint64_t> present;
    for (const SegmentStore::Segment& found : found_) present.insert(found.header.id);
    for (std::size_t i = 0; i < state_.segments.size(); ++i) {
      const auto& wanted = state_.segments[i];
      if (present.count(wanted.id) > 0) continue;
      const std::uint64_t end =
          i + 1 < state_.segments.size() ? state_.segments[i + 1].first_sequence : state_.next_sequence;
      const std::uint64_t lost = store_.mark_done_locked(wanted.first_sequence, end);
      if (lost == 0) continue;  // it was done, and deleted
      store_.lost_ += lost;
      store_.recovery_.lost += lost;
      find("{}/{} is missing: it held {} undelivered events, numbers {} to {}", directory_, segment_file_name(wanted.id),
           lost, wanted.first_sequence, end - 1);
    }
  }

  SegmentStore& store_;
  FileSystem& files_;
  const std::string directory_;
  std::set<std::string> known_;
  std::vector<FoundFile> segment_files_;
  StoreState state_;
  bool has_state_ = false;
  std::vector<SegmentStore::Segment> found_;
  std::vector<FoundFile> unknown_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> torn_;
  std::uint64_t next_segment_ = 1;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t quarantined_ = 0;
};

Result<std::unique_ptr<SegmentStore>> SegmentStore::open(StoreOptions options) {
  std::unique_ptr<SegmentStore> store(new SegmentStore(std::move(options)));
  if (auto recovered = StoreRecoverer(*store).run(); !recovered) {
    store->is_closed_ = true;  // nothing to save
    return recovered.error();
  }
  if (store->options_.has_thread) store->thread_ = std::thread([raw = store.get()] { raw->run(); });
  return store;
}

}  // namespace logboom
