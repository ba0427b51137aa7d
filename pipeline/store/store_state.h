// StoreState: what a store knows about itself besides its segments, kept in two slots that are written in turn.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/store/file_system.h"
#include "pipeline/store/sequence_set.h"

namespace logboom {

struct StoreState {
  std::uint64_t generation = 0;     // grows with every save; of two slots the larger one counts
  std::uint64_t frontier = 0;       // every event before this number is done
  std::uint64_t next_sequence = 0;  // every event before it was written (and synced, when the store syncs)
  std::uint64_t next_segment = 1;   // ids from here on were never used
  std::uint64_t tail_segment = 0;   // the segment that was written, 0: none
  std::uint64_t tail_offset = 0;    // where in it `next_sequence` comes
  bool is_clean = false;            // saved by a clean end: nothing follows
  SequenceSet done;                 // above the frontier
  struct Segment {
    std::uint64_t id = 0;
    std::uint64_t first_sequence = 0;
  };
  std::vector<Segment> segments;                  // in order
  std::map<std::string, std::uint64_t> counters;  // of the store and of its owner
};

/// A slot's bytes, and back; nullopt when they are damaged.
std::string write_store_state(const StoreState& state);
std::optional<StoreState> read_store_state(std::string_view bytes);
bool looks_like_store_state(std::string_view bytes);

/// The store's own counter in the state: events found lost.
inline constexpr const char* kLostCounter = "store.lost";
/// Below a store's directory: what was set aside because it is damaged.
inline constexpr const char* kQuarantineFolder = "/quarantine";
inline constexpr const char* kStateSlotNames[2] = {"state.0", "state.1"};

/// The two slots of a directory. One thread.
class StateSlots {
 public:
  StateSlots(FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  struct Loaded {
    std::optional<StoreState> newest;
    int intact = 0;
    int damaged = 0;  // there, but not to be read
  };
  /// Reads both; a later save() goes on from there.
  Result<Loaded> load();
  /// Writes the slot that does not hold the last synced state. Without `synced` it is safe from the end of the process only,
  /// and the other slot stays what a power cut leaves; the next save() writes the same slot again. Sets the generation.
  Result<void> save(StoreState& state, bool synced);

 private:
  Result<File*> slot(int number);

  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<File> slots_[2];
  std::uint64_t generation_ = 0;
  int next_slot_ = 0;
  bool needs_directory_sync_ = false;
  bool is_other_slot_synced_ = true;
};

}  // namespace logboom
