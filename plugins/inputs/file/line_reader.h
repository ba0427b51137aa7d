// Reads one file's lines into chunks of events and hands them on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/plugin/input.h"
#include "plugins/inputs/file/ack_ledger.h"
#include "plugins/inputs/file/byte_source.h"

namespace logboom {

/// Fields that every event of a file gets: where it came from. Immutable, any thread.
class FileFields {
 public:
  FileFields(bool is_ecs, std::string host);
  /// Stamps the chunk's events. `path` is copied to the chunk.
  void stamp(Chunk& chunk, std::string_view path) const;
  const std::string& host() const { return host_; }

 private:
  bool is_ecs_;
  std::string host_;
  Key host_key_, path_key_, name_key_, log_key_, file_key_;
};

/// What all files of one input share. Immutable but for the counters.
struct FileReading {
  CodecPtr codec;
  InputDecorations decorations;
  FileFields fields;
  std::string delimiter;
  std::size_t chunk_bytes;
  Counter& bytes_read;
  Counter& lines;
  Counter& lines_too_long;
};

enum class ReadStep {
  Pushed,   // something was read; there may be more
  AtEnd,    // nothing more for now
  Stopped,  // the pipeline takes nothing more
};

/// One file's decoder and unfinished line. One thread at a time.
class LineReader {
 public:
  /// `reading` outlives it. `start` is the position of the first byte that `source` will give.
  LineReader(const FileReading& reading, std::uint64_t start);

  /// Reads at most `limit` bytes (and the chunk size) and pushes the events of the lines that end in them. `moves_position`:
  /// the ledger learns how far the file is read.
  Result<ReadStep> read(ByteSource& source, std::size_t limit, const std::string& path, AckLedger& ledger,
                        bool moves_position, EventSink& sink, StopSignal& stop);
  /// The unfinished line and what the codec holds become events: the file's end. False when the pipeline takes nothing more.
  bool finish(const std::string& path, AckLedger& ledger, std::uint64_t position, EventSink& sink, StopSignal& stop);
  /// What the codec holds becomes events, the unfinished line stays. False when the pipeline takes nothing more.
  bool flush_codec(const std::string& path, AckLedger& ledger, EventSink& sink, StopSignal& stop);
  /// Begins at another position with nothing held.
  void restart_at(std::uint64_t position);

  /// Everything before it is part of an event that was pushed.
  std::uint64_t safe_position() const { return safe_; }
  /// Where the next byte comes from.
  std::uint64_t position() const { return position_; }
  /// Bytes of the unfinished line.
  std::size_t held_line_bytes() const { return carry_.size(); }
  std::size_t held_bytes() const { return carry_.size() + decoder_->held_bytes(); }
  double auto_flush_seconds() const { return decoder_->auto_flush_seconds(); }
  /// The last bytes that were read, to tell whether the file still is what it was.
  const std::string& last_bytes() const { return last_bytes_; }

 private:
  void take_lines(std::string_view bytes, std::uint64_t first_position, Chunk& chunk);
  void take_line(std::string_view line, std::uint64_t start, std::uint64_t end, bool is_cut, Chunk& chunk);
  void note_positions(std::uint64_t start, std::string_view line, std::size_t events);
  bool push(ChunkPtr chunk, const std::string& path, AckLedger& ledger, std::uint64_t position, EventSink& sink,
            StopSignal& stop);
  std::size_t find_delimiter(std::string_view bytes) const;
  void remember_last(std::string_view bytes);

  const FileReading& reading_;
  std::unique_ptr<Decoder> decoder_;
  std::string carry_;
  std::string last_bytes_;
  std::vector<std::uint64_t> positions_;  // of the chunk's events, for their ids
  std::uint64_t position_;
  std::uint64_t safe_;
  bool is_skipping_ = false;  // inside a line that was cut
};

}  // namespace logboom
