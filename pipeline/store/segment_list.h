// SegmentList: which segments there are, for whoever reads them; and what a directory of them looks like on disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/store/file_system.h"
#include "pipeline/store/segment_format.h"
#include "pipeline/store/store_state.h"

namespace logboom {

struct SegmentView {
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

  SegmentHeader header;
  std::string path;
  std::uint64_t end_sequence = kUnknown;  // its events have numbers below this one; kUnknown: nobody has said
  std::uint64_t limit = 0;                // bytes that may be read
  std::uint64_t start = segment_format::kHeaderPageBytes;  // nothing before it need be read to find what was asked for
};

/// Any thread.
class SegmentList {
 public:
  virtual ~SegmentList() = default;
  /// The segment that holds this number, or else the next one behind it. nullopt: there is none yet.
  virtual std::optional<SegmentView> find(std::uint64_t sequence) const = 0;
};

/// The segments of a directory as they lie there, for tools: takes no lock and changes nothing, whoever writes in it
/// meanwhile. One thread.
class DirectorySegments final : public SegmentList {
 public:
  /// Errors: NotFound - no such directory; Io.
  static Result<DirectorySegments> read(FileSystem& files, const std::string& directory);

  std::optional<SegmentView> find(std::uint64_t sequence) const override;
  const std::vector<SegmentView>& segments() const { return segments_; }
  /// As the newest intact slot says; all zeros when there is none.
  const StoreState& state() const { return state_; }
  bool has_state() const { return has_state_; }

 private:
  std::vector<SegmentView> segments_;
  StoreState state_;
  bool has_state_ = false;
};

/// True when an event of this number is done.
inline bool is_done(const StoreState& state, std::uint64_t sequence) {
  return sequence < state.frontier || state.done.contains(sequence);
}

}  // namespace logboom
