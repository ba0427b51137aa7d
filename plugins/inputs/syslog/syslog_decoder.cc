#include "plugins/inputs/syslog/syslog_decoder.h"

namespace logboom {

void SyslogDecoder::decode(std::string_view bytes, Chunk& chunk) {
  framing_.split(bytes, chunk, [&](const SyslogFraming::Frame& frame) { add(frame, chunk); });
}

void SyslogDecoder::flush(Chunk& chunk) {
  bool is_lost = false;
  const SyslogFraming::Frame rest = framing_.take_rest(chunk, is_lost);
  if (is_lost) {
    counters_.incomplete.add();
    if (counters_.log.allow())
      log_warn("input.syslog", "{}: a connection closed inside a counted message, which is dropped", counters_.id);
  }
  if (!rest.bytes.empty()) add(rest, chunk);
  codec_->flush(chunk);
}

std::string SyslogDecoder::take_unfinished() {
  std::string held = codec_->take_unfinished();  // whole messages that a multiline codec joins
  if (!held.empty() && held.back() != '\n') held += '\n';
  return held + framing_.take_unfinished();
}

void SyslogDecoder::add(const SyslogFraming::Frame& frame, Chunk& chunk) {
  counters_.messages.add();
  const std::size_t first = chunk.events().size();
  codec_->decode_message(frame.bytes, chunk);
  if (!frame.is_cut) return;
  counters_.too_long.add();
  if (counters_.log.allow())
    log_warn("input.syslog", "{}: a message was cut after {} bytes (decode_size_limit_bytes)", counters_.id,
             frame.bytes.size());
  for (std::size_t i = first; i < chunk.events().size(); ++i) chunk.events()[i]->add_failure_tag("_line_too_long");
}

}  // namespace logboom
