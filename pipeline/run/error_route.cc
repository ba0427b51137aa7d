#include "pipeline/run/error_route.h"

#include <memory>

#include "pipeline/base/one_time_signal.h"

namespace logboom {
namespace {

constexpr std::size_t kMostEvents = 20'000;
constexpr std::size_t kMostBytes = 64 * 1024 * 1024;

/// The same names as [@metadata][dead_letter_queue] has.
struct ErrorKeys {
  Key error = intern_key("error");
  Key plugin_type = intern_key("plugin_type");
  Key plugin_id = intern_key("plugin_id");
  Key reason = intern_key("reason");
  Key code = intern_key("code");
  Key pipeline_id = intern_key("pipeline_id");
  Key entry_time = intern_key("entry_time");
};

void note_cause(Event& event, const DeadLetterCause& cause, std::string_view pipeline_id, Timestamp now) {
  static const ErrorKeys keys;
  Arena& arena = event.arena();
  Object* error = Object::make(arena, 6);
  error->append(arena, keys.plugin_type, Value::string(arena.copy(cause.plugin_type)));
  error->append(arena, keys.plugin_id, Value::string(arena.copy(cause.plugin_id)));
  error->append(arena, keys.reason, Value::string(arena.copy(cause.reason)));
  if (cause.code != 0) error->append(arena, keys.code, Value::integer(cause.code));
  error->append(arena, keys.pipeline_id, Value::string(arena.copy(pipeline_id)));
  error->append(arena, keys.entry_time, Value::timestamp(now));
  event.metadata().set(arena, keys.error, Value::object(error));
}

class TellSafe final : public AckReceiver {
 public:
  explicit TellSafe(DeadLetterSink::OnSafe on_safe) : on_safe_(std::move(on_safe)) {}
  void finished(AckResult result) override { on_safe_(result == AckResult::Delivered); }

 private:
  DeadLetterSink::OnSafe on_safe_;
};

}  // namespace

ErrorRoute::ErrorRoute(std::string pipeline_id, const PipelineLedger& ledger)
    : pipeline_id_(std::move(pipeline_id)), ledger_(ledger), queue_({kMostEvents, kMostBytes}) {}

DeadLetterSink::Taken ErrorRoute::put(const Event& event, const DeadLetterCause& cause, OnSafe on_safe) {
  auto chunk = std::make_shared<Chunk>(Buffer(), Timestamp::now(system_clock()));
  Event& copy = chunk->new_event();
  copy.copy_fields_of(event, CopyStrings::Copy);
  note_cause(copy, cause, pipeline_id_, chunk->now());
  AckToken& token = chunk->token();
  token.set_receiver(std::make_shared<TellSafe>(std::move(on_safe)), AckTracking::Whole);
  token.arm(1);
  ledger_.created.add(1);  // before the worker can be done with it
  if (queue_.try_push(chunk)) return Taken::Taken;
  token.release_receiver();  // it is told nothing of what was not taken
  ledger_.created.add(std::uint64_t(0) - 1);
  return Taken::Refused;
}

bool ErrorRoute::wait_until_writable(std::chrono::milliseconds limit) {
  if (is_given_up_) return false;
  const auto room = std::make_shared<OneTimeSignal>();
  queue_.call_when_room([room] { room->give(); });
  room->wait_for(limit);
  return !is_given_up_;
}

void ErrorRoute::give_up() {
  is_given_up_ = true;
  queue_.discard();
}

}  // namespace logboom
