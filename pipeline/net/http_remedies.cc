#include "pipeline/net/http_remedies.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipeline/net/http_text.h"

namespace logboom {
namespace {

constexpr std::size_t kShownBytes = 300;

}  // namespace

std::string_view remedy_of_connection(std::string_view error) {
  const auto says = [&](std::string_view what) { return error.find(what) != std::string_view::npos; };
  if (says("certificate has expired")) return "renew the server's certificate";
  if (says("certificate is not yet valid")) return "check the clocks of both machines, and the server's certificate";
  if (says("subject name") || says("does not match target host"))
    return "the certificate is for another host: use the name that it was made for in the address, or "
           "ssl_verification_mode => certificate";
  if (says("certificate required") || says("bad certificate") || says("handshake failure"))
    return "the server wants another certificate of us: check ssl_certificate and ssl_key";
  if (says("certificate")) return "trust its authority with ssl_certificate_authorities";
  if (says("wrong version number")) return "the server speaks no TLS here: begin the address with http://";
  if (says("onnection refused") || says("ouldn't connect")) return "is the server running, and is the port right?";
  if (says("resolve host")) return "check the host's name";
  if (says("HTTP/0.9")) return "what answers there speaks no HTTP: check host and port";
  if (says("resolve proxy")) return "check the proxy's name";
  return {};
}

std::string explain_connection(std::string_view url, std::string_view error) {
  const auto says = [&](std::string_view what) { return error.find(what) != std::string_view::npos; };
  std::string_view remedy = remedy_of_connection(error);
  // In TLS 1.3 a server that misses a client's certificate hangs up when the handshake is over for the client, who sees the
  // connection break in one of many ways.
  if (remedy.empty() && url.rfind("https://", 0) == 0 && !says("imed out") && !says("timeout") && !says("is closing"))
    remedy = "if the server wants a certificate of us, give ssl_certificate and ssl_key";
  return fmt::format("{}: {}{}{}", url, error, remedy.empty() ? "" : "; ", remedy);
}

bool is_html(std::string_view content_type, std::string_view body) {
  if (lower_case(content_type).find("html") != std::string::npos) return true;
  const std::string_view start = trimmed(body).substr(0, 9);
  return equals_ignoring_case(start.substr(0, 5), "<html") || equals_ignoring_case(start, "<!doctype");
}

std::string shown_body(std::string_view body) {
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(body[at]) & 0xC0) == 0x80; };
  std::size_t size = std::min(body.size(), kShownBytes);
  while (size > 0 && size < body.size() && continues(size)) --size;
  std::string text(body.substr(0, size));
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (size < body.size()) text += "…";
  return text;
}

}  // namespace logboom
