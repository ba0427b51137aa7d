// What both ends of the forward protocol's handshake compute. Source: Fluentd's forward protocol, version 1.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace logboom {

/// Lower-case hex of the SHA-512 of all parts one behind the other.
std::string fluent_digest(std::initializer_list<std::string_view> parts);
/// Equality that takes the same time wherever they differ.
bool digests_equal(std::string_view left, std::string_view right);
/// Bytes that nobody can guess.
std::string random_bytes(std::size_t count);

}  // namespace logboom
