#include "plugins/inputs/forward/message_intake.h"

#include <fmt/format.h>

#include "pipeline/net/gzip.h"
#include "pipeline/net/zstd.h"

namespace logboom {
namespace {

constexpr std::size_t kSmallShare = 8;  // a message that is less than this part of its piece is copied out to stand alone

std::string msgpack_ack(std::string_view value) {
  if (value.empty()) return {};
  std::string out;
  write_msgpack_map_head(1, out);
  write_msgpack_string("ack", out);
  out += value;  // as it came: type and length too
  return out;
}

std::string json_ack(std::string_view value) { return value.empty() ? std::string() : fmt::format("{{\"ack\":{}}}", value); }

Result<Buffer> decompressed(std::string_view format, std::string_view bytes, std::size_t limit) {
  if (format == "zstd") return zstd_decompress_body(bytes, limit);
  if (format != "gzip") return Error{ErrorCode::Corrupt, fmt::format("the compression \"{}\" is not known", format)};
  // The option says gzip, and only that is read: no guess at other formats.
  if (bytes.substr(0, 2) != "\x1f\x8b") return Error{ErrorCode::Corrupt, "the entries are not gzip as they claim"};
  return inflate_body(bytes, limit);
}

}  // namespace

bool MessageIntake::take_msgpack(const Buffer& message, const Buffer& piece) {
  // A sender that wants acknowledgements gets a chunk for each message; a small one must not keep a large piece alive.
  const bool is_copied = expects_acks_ && message.size() < piece.size() / kSmallShare;
  const Buffer own = is_copied ? Buffer::copy_of(message.view()) : message;
  MessageReader reader;
  switch (reader.open(own.view())) {
    case MessageProblem::Corrupt: return refuse("a message that is broken");
    case MessageProblem::Heartbeat: return true;
    case MessageProblem::NotAMessage: note_unusable(); return true;
    case MessageProblem::None: break;
  }
  warn_if_large(message.size());
  if (!reader.has_tag()) {
    if (reader.pass_over_events() != MessageProblem::None) return refuse("a message that is broken");
    const EntryCounts counts{1, "a tag that is no text"};
    if (are_too_many_invalid(nullptr, counts)) return false;
    acknowledge_without_events(msgpack_ack(reader.options().ack));
    return true;
  }
  if (reader.mode() == MessageReader::Mode::Packed) return take_packed(reader, own);
  Chunk& chunk = expects_acks_ ? chunk_over(own, Sharing::Alone) : chunk_over(piece, Sharing::WithOthers);
  const std::size_t earlier_events = chunk.events().size();
  EventMaker maker(shared_.settings.fields, source_, chunk, reader.tag());
  EntryCounts counts;
  if (reader.read_events(maker, names_, counts) != MessageProblem::None) {
    maker.take_back();
    return refuse("entries that are no MessagePack");
  }
  const MessageOptions& options = reader.options();
  const bool wants_ack = !options.ack.empty();
  if (options.signal != 0) {
    maker.take_back();
    shared_.counters.signals.add();
    acknowledge_without_events(msgpack_ack(options.ack));
    return true;
  }
  if (wants_ack && earlier_events > 0) {  // only now it is known that it needs a chunk of its own
    maker.take_back();
    expects_acks_ = true;
    return take_msgpack(message, piece);
  }
  expects_acks_ = wants_ack;
  return finish_message(maker, counts, msgpack_ack(options.ack));
}

bool MessageIntake::take_packed(MessageReader& reader, const Buffer& message) {
  const MessageOptions& options = reader.options();
  expects_acks_ = !options.ack.empty();
  if (options.signal != 0) {
    shared_.counters.signals.add();
    acknowledge_without_events(msgpack_ack(options.ack));
    return true;
  }
  Buffer bytes = message;
  std::string_view entries = reader.entries();
  if (!options.compressed.empty() && options.compressed != "text") {
    auto inflated = decompressed(options.compressed, entries, shared_.settings.decompression_size_limit);
    if (!inflated) return refuse(inflated.error().message);
    bytes = std::move(*inflated);
    entries = bytes.view();
  }
  Chunk& chunk = chunk_over(bytes, Sharing::Alone);
  // The sender's count is a hint; what it leads to is bounded by what the bytes can hold.
  constexpr std::size_t kSmallestEntry = 8;
  chunk.events().reserve(std::min<std::size_t>(options.size, entries.size() / kSmallestEntry));
  EventMaker maker(shared_.settings.fields, source_, chunk, reader.tag());
  EntryCounts counts;
  if (MessageReader::read_entries(entries, maker, names_, counts) != MessageProblem::None) {
    maker.take_back();
    return refuse("entries that are no MessagePack");
  }
  return finish_message(maker, counts, msgpack_ack(options.ack));
}

bool MessageIntake::take_json(const Buffer& message, const Buffer& piece) {
  warn_if_large(message.size());
  Chunk* chunk = &chunk_over(piece, Sharing::WithOthers);
  JsonMessage read;
  switch (read.open(message.view(), json_, chunk->arena())) {
    case MessageProblem::Corrupt: return refuse("a message that is no JSON");
    case MessageProblem::NotAMessage: note_unusable(); return true;
    case MessageProblem::Heartbeat:
    case MessageProblem::None: break;
  }
  if (!read.ack().empty() && !chunk->events().empty()) {
    chunk = &chunk_over(message, Sharing::Alone);
    if (read.open(message.view(), json_, chunk->arena()) != MessageProblem::None) return refuse("a message that is no JSON");
  }
  EntryCounts counts;
  if (!read.has_tag()) {
    counts = {1, "a tag that is no text"};
    if (are_too_many_invalid(nullptr, counts)) return false;
    acknowledge_without_events(json_ack(read.ack()));
    return true;
  }
  EventMaker maker(shared_.settings.fields, source_, *chunk, read.tag());
  read.read_events(maker, counts);
  return finish_message(maker, counts, json_ack(read.ack()));
}

Chunk& MessageIntake::chunk_over(const Buffer& bytes, Sharing sharing) {
  const bool is_same = open_chunk_ && sharing == Sharing::WithOthers && open_over_ == bytes.data();
  if (is_same) return *open_chunk_;
  end_piece();
  open_chunk_ = sink_.new_chunk(bytes);
  open_over_ = sharing == Sharing::WithOthers ? bytes.data() : nullptr;
  names_.forget();
  return *open_chunk_;
}

void MessageIntake::end_piece() {
  if (!open_chunk_) return;
  if (!open_chunk_->events().empty()) outgoing_.push_back({std::move(open_chunk_), false, {}});
  open_chunk_.reset();
  open_over_ = nullptr;
}

bool MessageIntake::finish_message(EventMaker& maker, const EntryCounts& counts, std::string ack) {
  if (counts.invalid > 0 && are_too_many_invalid(&maker, counts)) return false;
  shared_.counters.messages.add();
  if (maker.made() > 0) shared_.decorations.apply(*open_chunk_, open_chunk_->events().size() - maker.made());
  if (ack.empty()) return true;
  outgoing_.push_back({std::move(open_chunk_), true, std::move(ack)});
  open_chunk_.reset();
  open_over_ = nullptr;
  return true;
}

void MessageIntake::acknowledge_without_events(std::string ack) {
  if (ack.empty()) return;
  end_piece();
  outgoing_.push_back({sink_.new_chunk({}), true, std::move(ack)});
}

/// Counts invalid events. True, with the message refused, when it must not be taken without them.
bool MessageIntake::are_too_many_invalid(EventMaker* maker, const EntryCounts& counts) {
  shared_.counters.invalid_events.add(counts.invalid);
  if (!shared_.settings.skips_invalid_events) {
    if (maker != nullptr) maker->take_back();
    refuse(counts.example);
    return true;
  }
  if (shared_.invalid_log.allow())
    log_warn("input.forward",
             "{}: {} invalid events from {} were left out: {} ({} more such messages since the last such line)", shared_.id,
             counts.invalid, source_.address, counts.example, shared_.invalid_log.suppressed());
  return false;
}

bool MessageIntake::refuse(std::string_view problem) {
  shared_.counters.corrupt_messages.add();
  if (shared_.corrupt_log.allow())
    log_warn("input.forward", "{}: the connection from {} is closed: {} ({} more since the last such line)", shared_.id,
             source_.address, problem, shared_.corrupt_log.suppressed());
  return false;
}

void MessageIntake::note_unusable() {
  shared_.counters.invalid_messages.add();
  if (shared_.invalid_log.allow())
    log_warn("input.forward", "{}: a message from {} is ignored: it is no [tag, …] ({} more since the last such line)",
             shared_.id, source_.address, shared_.invalid_log.suppressed());
}

void MessageIntake::note_too_large() {
  shared_.counters.too_large_messages.add();
  if (shared_.large_log.allow())
    log_warn(
        "input.forward",
        "{}: a message from {} of more than {} bytes was dropped, and not acknowledged: raise chunk_size_limit ({} more "
        "since the last such line)",
        shared_.id, source_.address, shared_.settings.chunk_size_limit, shared_.large_log.suppressed());
}

void MessageIntake::warn_if_large(std::size_t bytes) {
  const std::size_t limit = shared_.settings.chunk_size_warn_limit;
  if (limit > 0 && bytes > limit && shared_.warn_log.allow())
    log_warn("input.forward", "{}: a message from {} has {} bytes, more than chunk_size_warn_limit", shared_.id,
             source_.address, bytes);
}

}  // namespace logboom
