// Filters: what changes events. A plugin author writes apply() for one event; make_filter turns it into a batch step.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/event/batch.h"
#include "pipeline/event/failure_notes.h"
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
  /// on_failure => "dlq": events that the filter fails on leave the pipeline for the dead-letter queue.
  bool diverts_failures() const { return diverts_failures_; }

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
  bool diverts_failures_ = false;
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

/// An event that a filter could not deal with.
struct FailedEvent {
  Event* event;
  std::string reason;
};

/// The events of a batch that a filter works on, in order. The engine reads `events` back afterwards.
struct FilterBatch {
  Batch& batch;
  std::vector<Event*>& events;                 // in: the selection; out: those that go on, made ones behind their origin
  std::vector<Event*>& dropped;                // out: those that end here
  std::vector<FailedEvent>* failed = nullptr;  // out: those for the dead-letter queue; nullptr: there is none
};

/// What an event failed of, as failure_notes() tell since their reset; the tags that say so are taken off again, so that the
/// event can be sent through once more.
FailedEvent failed_event(Event& event);
/// For an event on which a filter threw: true when it went to `work.failed`; else it is tagged `_filterexception` and goes
/// on.
bool set_poison_aside(Event& event, std::string_view problem, FilterBatch& work);

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
    is_diverting_ = decorations_.diverts_failures() && work.failed != nullptr;
    NewEvents made(work.batch, decorations_);
    std::size_t kept = 0;
    // An event on which the filter throws is set aside; those behind it go on.
    for (std::size_t next = 0; next < work.events.size();) {
      try {
        work_off(work, made, next, kept);
      } catch (const std::exception& problem) {
        set_aside(work, made, next++, problem.what(), kept);
      } catch (...) {
        set_aside(work, made, next++, "an exception of no known kind", kept);
      }
    }
    if constexpr (FiltersAndMakesEvents<T>) {
      work.events.swap(kept_);
      kept_.clear();
    } else {
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
  /// Works on the events from number `next` on, which it counts up.
  void work_off(FilterBatch& work, NewEvents& made, std::size_t& next, std::size_t& kept) {
    for (; next < work.events.size(); ++next) {
      Event& event = *work.events[next];
      if (is_diverting_) failure_notes().reset();
      if constexpr (FiltersAndMakesEvents<T>) {
        settle(event, impl_.apply(event, made), work, kept);
        for (Event* child : made.made()) {
          child->order = event.order;
          keep(work, child, kept);
        }
        made.made().clear();
      } else {
        settle(event, impl_.apply(event), work, kept);
      }
    }
  }

  void settle(Event& event, Verdict verdict, FilterBatch& work, std::size_t& kept) {
    if (verdict == Verdict::Drop) {
      work.dropped.push_back(&event);
      return;
    }
    if (verdict == Verdict::Pass && is_decorating_) decorations_.apply(event);
    if (is_diverting_ && failure_notes().count > 0) {
      work.failed->push_back(failed_event(event));
    } else {
      keep(work, &event, kept);
    }
  }

  void keep(FilterBatch& work, Event* event, std::size_t& kept) {
    if constexpr (FiltersAndMakesEvents<T>) {
      kept_.push_back(event);
    } else {
      work.events[kept++] = event;
    }
  }

  void set_aside(FilterBatch& work, NewEvents& made, std::size_t number, std::string_view problem, std::size_t& kept) {
    Event* event = work.events[number];
    for (Event* child : made.made()) work.dropped.push_back(child);  // half made: nobody gets to see them
    made.made().clear();
    if (!set_poison_aside(*event, problem, work)) keep(work, event, kept);
  }

  T impl_;
  Decorations decorations_;
  bool is_decorating_;
  bool is_diverting_ = false;
  std::vector<Event*> kept_;
};

}  // namespace logboom
