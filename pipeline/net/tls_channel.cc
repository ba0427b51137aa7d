#include "pipeline/net/tls_channel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace logboom {
namespace {

bool is_ip_address(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

int as_int(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

TlsChannel::TlsChannel(std::shared_ptr<const TlsContext> context, int socket)
    : context_(std::move(context)), ssl_(SSL_new(context_->native())) {
  SSL_set_fd(ssl_, socket);
}

TlsChannel::~TlsChannel() { SSL_free(ssl_); }

std::unique_ptr<TlsChannel> TlsChannel::accepting(std::shared_ptr<const TlsContext> context, int socket) {
  std::unique_ptr<TlsChannel> made(new TlsChannel(std::move(context), socket));
  SSL_set_accept_state(made->ssl_);
  return made;
}

std::unique_ptr<TlsChannel> TlsChannel::connecting(std::shared_ptr<const TlsContext> context, int socket,
                                                   const std::string& host) {
  std::unique_ptr<TlsChannel> made(new TlsChannel(std::move(context), socket));
  SSL_set_connect_state(made->ssl_);
  const bool is_address = is_ip_address(host);
  if (!is_address) SSL_set_tlsext_host_name(made->ssl_, host.c_str());
  if (made->context_->verifies_name()) {
    if (is_address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(made->ssl_), host.c_str());
    } else {
      SSL_set1_host(made->ssl_, host.c_str());
    }
  }
  return made;
}

ChannelStep TlsChannel::failed_step(int result) {
  const int system_error = errno;
  ChannelStep step;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: step.state = ChannelStep::State::WantsRead; return step;
    case SSL_ERROR_WANT_WRITE: step.state = ChannelStep::State::WantsWrite; return step;
    case SSL_ERROR_ZERO_RETURN: step.state = ChannelStep::State::Closed; return step;
    case SSL_ERROR_SYSCALL:
      if (ERR_peek_error() == 0) {
        const bool is_end = result == 0 || system_error == 0 || system_error == ECONNRESET || system_error == EPIPE;
        step.state = is_end ? ChannelStep::State::Closed : ChannelStep::State::Failed;
        step.reason = is_end ? "the peer closed the connection" : std::strerror(system_error);
        return step;
      }
      break;
    default: break;
  }
  const unsigned long code = ERR_peek_last_error();
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    step.state = ChannelStep::State::Closed;
    step.reason = "the peer closed the connection";
  } else {
    step.state = ChannelStep::State::Failed;
    const char* text = ERR_reason_error_string(code);
    step.reason = text != nullptr ? text : "protocol error";
    const long verdict = SSL_get_verify_result(ssl_);
    if (verdict != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
      step.reason += fmt::format(" ({})", X509_verify_cert_error_string(verdict));
  }
  ERR_clear_error();
  return step;
}

ChannelStep TlsChannel::handshake() {
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return failed_step(result);
  describe_session();
  return {};
}

void TlsChannel::describe_session() {
  session_.protocol = SSL_get_version(ssl_);
  session_.cipher = SSL_get_cipher_name(ssl_);
  X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (certificate == nullptr || SSL_is_server(ssl_) == 0) return;
  BIO* text = BIO_new(BIO_s_mem());
  X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* data = nullptr;
  const long size = BIO_get_mem_data(text, &data);
  session_.client_subject.assign(data, static_cast<std::size_t>(std::max(0L, size)));
  BIO_free(text);
}

ChannelStep TlsChannel::receive(char* to, std::size_t room) {
  // One call gives one record at most (16 KiB).
  ChannelStep step;
  while (step.bytes < room) {
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read(ssl_, to + step.bytes, as_int(room - step.bytes));
    if (result > 0) {
      step.bytes += static_cast<std::size_t>(result);
      continue;
    }
    ChannelStep end = failed_step(result);
    if (step.bytes == 0) return end;
    // What arrived counts; another end than "nothing more now" shows again at the next call.
    step.has_drained = end.state == ChannelStep::State::WantsRead;
    return step;
  }
  step.has_drained = false;
  return step;
}

ChannelStep TlsChannel::send(std::string_view bytes) {
  if (bytes.empty()) return {};
  ERR_clear_error();
  errno = 0;
  const int result = SSL_write(ssl_, bytes.data(), as_int(bytes.size()));
  if (result <= 0) return failed_step(result);
  ChannelStep step;
  step.bytes = static_cast<std::size_t>(result);
  return step;
}

void TlsChannel::say_goodbye() {
  if (SSL_is_init_finished(ssl_) == 0) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace logboom
