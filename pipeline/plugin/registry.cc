#include "pipeline/plugin/registry.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace logboom {

template <class Interface>
Registry<Interface>& Registry<Interface>::instance() {
  static Registry registry;
  return registry;
}

template <class Interface>
void Registry<Interface>::add(const PluginDescriptor<Interface>& descriptor) {
  const auto place = std::lower_bound(descriptors_.begin(), descriptors_.end(), descriptor.name,
                                      [](const auto& known, std::string_view name) { return known.name < name; });
  if (place != descriptors_.end() && place->name == descriptor.name) {
    std::fprintf(stderr, "two plugins claim the name \"%.*s\"\n", static_cast<int>(descriptor.name.size()),
                 descriptor.name.data());
    std::abort();
  }
  descriptors_.insert(place, descriptor);
}

template <class Interface>
const PluginDescriptor<Interface>* Registry<Interface>::find(std::string_view name) const {
  for (const auto& descriptor : descriptors_)
    if (descriptor.name == name) return &descriptor;
  return nullptr;
}

template class Registry<Input>;
template class Registry<Codec>;
template class Registry<Filter>;
template class Registry<Output>;

}  // namespace logboom
