#include "pipeline/store/segment_list.h"

#include <algorithm>

namespace logboom {

Result<DirectorySegments> DirectorySegments::read(FileSystem& files, const std::string& directory) {
  DirectorySegments made;
  // The state first: segments that end up done and deleted in between are none that it calls open.
  auto names = files.list(directory);
  if (!names) return names.error();
  auto loaded = StateSlots(files, directory).load();
  if (!loaded) return loaded.error();
  if (loaded->newest) {
    made.state_ = std::move(*loaded->newest);
    made.has_state_ = true;
  }
  for (const std::string& name : *names) {
    const auto id = segment_id_of(name);
    if (!id) continue;
    SegmentView view;
    view.path = directory + "/" + name;
    auto file = files.open(view.path, OpenMode::Read);
    if (!file) continue;  // done and deleted meanwhile
    char page[segment_format::kHeaderPageBytes];
    auto got = (*file)->read_at(0, page, sizeof page);
    auto size = (*file)->size();
    if (!got) return got.error();
    if (!size) return size.error();
    const auto header = read_segment_header({page, *got});
    if (!header) continue;  // just being made, or for recovery to judge
    view.header = *header;
    view.limit = *size;
    made.segments_.push_back(std::move(view));
  }
  auto& segments = made.segments_;
  std::sort(segments.begin(), segments.end(),
            [](const SegmentView& left, const SegmentView& right) { return left.header.id < right.header.id; });
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) segments[i].end_sequence = segments[i + 1].header.first_sequence;
  return made;
}

std::optional<SegmentView> DirectorySegments::find(std::uint64_t sequence) const {
  for (const SegmentView& view : segments_)
    if (sequence < view.end_sequence) return view;
  return std::nullopt;
}

}  // namespace logboom
