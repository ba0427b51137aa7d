#include "pipeline/net/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <cstdint>
#include <vector>

namespace logboom {
namespace net = boost::asio;
namespace {

constexpr std::string_view kTextStart = "PROXY ";
constexpr std::size_t kMaxTextBytes = 107;
constexpr std::string_view kBinaryStart("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kBinaryFixedBytes = 16;

Error incomplete() { return Error{ErrorCode::Full, "the PROXY header is not complete"}; }
Error broken(std::string what) { return Error{ErrorCode::Corrupt, "no PROXY header: " + what}; }

std::vector<std::string_view> split_at_blanks(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return words;
}

bool read_address(std::string_view ip, std::string_view port, PeerAddress& out) {
  boost::system::error_code failure;
  const auto address = net::ip::make_address(std::string(ip), failure);
  std::uint16_t number = 0;
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failure || problem != std::errc() || end != port.data() + port.size()) return false;
  out.ip = address.to_string();
  out.port = number;
  return true;
}

Result<ProxyHeader> parse_text(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kMaxTextBytes).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() < kMaxTextBytes) return incomplete();
    return broken("the line does not end");
  }
  ProxyHeader header;
  header.bytes = end + 2;
  const auto words = split_at_blanks(bytes.substr(0, end));
  if (words.size() >= 2 && words[1] == "UNKNOWN") return header;
  const bool is_known = words.size() == 6 && (words[1] == "TCP4" || words[1] == "TCP6");
  if (!is_known || !read_address(words[2], words[4], header.source) || !read_address(words[3], words[5], header.destination))
    return broken("the line cannot be read");
  return header;
}

std::uint16_t big_endian_16(std::string_view bytes) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]));
}

template <class Address>
PeerAddress address_at(std::string_view ip, std::string_view port) {
  typename Address::bytes_type raw{};
  std::copy_n(ip.begin(), raw.size(), raw.begin());
  PeerAddress made;
  made.ip = Address(raw).to_string();
  made.port = big_endian_16(port);
  return made;
}

Result<ProxyHeader> parse_binary(std::string_view bytes) {
  if (bytes.size() < kBinaryFixedBytes) return incomplete();
  const auto version_and_command = static_cast<unsigned char>(bytes[12]);
  const auto family_and_transport = static_cast<unsigned char>(bytes[13]);
  const std::size_t length = big_endian_16(bytes.substr(14));
  if (version_and_command >> 4 != 2 || (version_and_command & 15) > 1) return broken("version or command is unknown");
  if (kBinaryFixedBytes + length > kMaxProxyHeaderBytes) return broken("it is too long");
  if (bytes.size() < kBinaryFixedBytes + length) return incomplete();
  ProxyHeader header;
  header.bytes = kBinaryFixedBytes + length;
  const std::string_view addresses = bytes.substr(kBinaryFixedBytes, length);
  const bool is_local = (version_and_command & 15) == 0;
  const unsigned family = family_and_transport >> 4;
  if (is_local || (family != 1 && family != 2)) return header;
  if (family == 1) {
    if (length < 12) return broken("the addresses are cut short");
    header.source = address_at<net::ip::address_v4>(addresses, addresses.substr(8));
    header.destination = address_at<net::ip::address_v4>(addresses.substr(4), addresses.substr(10));
  } else {
    if (length < 36) return broken("the addresses are cut short");
    header.source = address_at<net::ip::address_v6>(addresses, addresses.substr(32));
    header.destination = address_at<net::ip::address_v6>(addresses.substr(16), addresses.substr(34));
  }
  return header;
}

}  // namespace

Result<ProxyHeader> parse_proxy_header(std::string_view bytes) {
  const auto begins_like = [bytes](std::string_view start) {
    const std::size_t known = std::min(bytes.size(), start.size());
    return bytes.substr(0, known) == start.substr(0, known);
  };
  if (bytes.size() >= kTextStart.size() && begins_like(kTextStart)) return parse_text(bytes);
  if (bytes.size() >= kBinaryStart.size() && begins_like(kBinaryStart)) return parse_binary(bytes);
  if (begins_like(kTextStart) || begins_like(kBinaryStart)) return incomplete();
  return broken("the stream begins otherwise");
}

Awaitable<Result<ProxyHeader>> read_proxy_header(ByteStream& stream, std::string& raw_header) {
  std::string bytes;
  for (;;) {
    const Buffer received = co_await stream.read_some();
    if (received.empty()) {
      stream.unread(bytes);
      co_return Error{ErrorCode::Unavailable, "the stream ended before the PROXY header"};
    }
    bytes += received.view();
    Result<ProxyHeader> parsed = parse_proxy_header(bytes);
    if (!parsed && parsed.error().code == ErrorCode::Full) continue;
    if (parsed) {
      raw_header.assign(bytes, 0, parsed->bytes);
      stream.unread(std::string_view(bytes).substr(parsed->bytes));
    }
    co_return parsed;
  }
}

}  // namespace logboom
