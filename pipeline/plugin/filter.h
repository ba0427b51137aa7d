// Filters: what changes events. A plugin author writes apply() for one event; make_filter turns it into a batch step.
#pragma once

#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/plugin/context.h"
#include "pipeline/plugin/options.h"

namespace logboom {

/// What apply() says about one event.
enum class Verdict {
  Pass,       // done: add_field, remove_field, add_tag and remove_tag follow
  Unmatched,  // the event goes on as it is (a failure was tagged, nothing applied)
  Drop,       // the event ends here and counts as handled
};

/// add_field, remove_field, add_tag, remove_tag: applied in this order to events that a filter passed.
class Decorations {
 public:
  Decorations() = default;
  /// Reads the common filter options of a plugin. `failure_tag` marks events on which one of them could not be done
  /// (a field name that is no reference, a path through a text).
  static Decorations read(const PluginNode& node, std::string failure_tag, Diagnostics& diagnostics);
  bool empty() const { return add_fields_.empty() && remove_fields_.empty() && add_tags_.empty() && remove_tags_.empty(); }
  void apply(Event& event) const;

 private:
  struct Name {  // a field name: fixed, or made for each event
    FieldTemplate pattern;
    FieldRef field;
    bool is_fixed = false;
    bool is_broken = false;
  };
  struct AddField {
    Name name;
    std::vector<FieldTemplate> values;
  };
  static Name read_name(const ConfigValue& value, Diagnostics& diagnostics);
  bool apply_or_fail(Event& event) const;

  std::vector<AddField> add_fields_;
  std::vector<Name> remove_fields_;
  std::vector<FieldTemplate> add_tags_;
  std::vector<FieldTemplate> remove_tags_;
  std::string failure_tag_;
};

/// Where a filter puts events that it makes. They follow the event that they were made of.
class NewEvents {
 public:
  NewEvents(Batch& batch, const Decorations& decorations) : batch_(batch), decorations_(decorations) {}
  /// A copy of an event, counted by the same acknowledgement token.
  Event& clone(const Event& event) {
    Event* made = batch_.clone(event);
    made_.push_back(made);
    return *made;
  }
  /// A new event without fields that nobody waits for.
  Event& make() {
    made_.push_back(batch_.new_event());
    return *made_.back();
  }
  /// Applies add_field and the like to a made event, when the filter wants that.
  void decorate(Event& event) const { decorations_.apply(event); }

  std::vector<Event*>& made() { return made_; }

 private:
  Batch& batch_;
  const Decorations& decorations_;
  std::vector<Event*> made_;
};

enum class FlushKind { Periodic, Final };

/// The events of a batch that a filter works on, in order. The engine reads `events` back afterwards.
struct FilterBatch {
  Batch& batch;
  std::vector<Event*>& events;   // in: the selection; out: those that go on, made ones behind their origin
  std::vector<Event*>& dropped;  // out: those that end here
};

/// A step of the plan. Each worker has its own instance; the engine calls it for one batch at a time.
class Filter {
 public:
  virtual ~Filter() = default;
  virtual void apply(FilterBatch& work) = 0;
  /// Called every five seconds when periodic_flush is set or the plugin asks for it, and once at the end. Events that it
  /// puts at the end of `work.events` go through the steps behind this one.
  virtual void flush(FilterBatch& work, FlushKind kind) {
    (void)work;
    (void)kind;
  }
  virtual bool wants_flush() const { return false; }
};

template <class T>
concept FiltersOneEvent = requires(T filter, Event& event) {
  { filter.apply(event) } -> std::same_as<Verdict>;
};
template <class T>
concept FiltersAndMakesEvents = requires(T filter, Event& event, NewEvents& made) {
  { filter.apply(event, made) } -> std::same_as<Verdict>;
};
template <class T>
concept FlushesEvents = requires(T filter, NewEvents& made, FlushKind kind) {
  filter.flush(made, kind);
};

template <class T>
concept NotesEndOfBatch = requires(T filter) {
  filter.end_batch();
};

/// Loops over the selection, so that the plan makes one virtual call per batch and the plugin sees one event.
template <class T>
requires FiltersOneEvent<T> || FiltersAndMakesEvents<T>
class FilterOf final : public Filter {
 public:
  FilterOf(T impl, Decorations decorations)
      : impl_(std::move(impl)), decorations_(std::move(decorations)), is_decorating_(!decorations_.empty()) {}

  void apply(FilterBatch& work) override {
    if constexpr (FiltersAndMakesEvents<T>) {
      NewEvents made(work.batch, decorations_);
      kept_.clear();
      for (Event* event : work.events) {
        settle(*event, impl_.apply(*event, made), work, kept_);
        for (Event* child : made.made()) {
          child->order = event->order;
          kept_.push_back(child);
        }
        made.made().clear();
      }
      work.events.swap(kept_);
    } else {
      std::size_t kept = 0;
      for (Event* event : work.events) {
        const Verdict verdict = impl_.apply(*event);
        if (verdict == Verdict::Drop) {
          work.dropped.push_back(event);
          continue;
        }
        if (verdict == Verdict::Pass && is_decorating_) decorations_.apply(*event);
        work.events[kept++] = event;
      }
      work.events.resize(kept);
    }
    if constexpr (NotesEndOfBatch<T>) impl_.end_batch();
  }

  void flush(FilterBatch& work, FlushKind kind) override {
    if constexpr (FlushesEvents<T>) {
      NewEvents made(work.batch, decorations_);
      impl_.flush(made, kind);
      for (Event* event : made.made()) {
        event->order = work.events.empty() ? 0 : work.events.back()->order;
        work.events.push_back(event);
      }
    } else {
      Filter::flush(work, kind);
    }
  }
  bool wants_flush() const override { return FlushesEvents<T>; }

 private:
  void settle(Event& event, Verdict verdict, FilterBatch& work, std::vector<Event*>& kept) {
    if (verdict == Verdict::Drop) {
      work.dropped.push_back(&event);
      return;
    }
    if (verdict == Verdict::Pass && is_decorating_) decorations_.apply(event);
    kept.push_back(&event);
  }

  T impl_;
  Decorations decorations_;
  bool is_decorating_;
  std::vector<Event*> kept_;
};

}  // namespace logboom
