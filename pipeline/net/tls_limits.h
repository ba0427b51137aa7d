// Which TLS versions and ciphers a context of OpenSSL may use: for contexts that another library makes.
#pragma once

#include <string>
#include <vector>

#include "pipeline/base/result.h"

struct ssl_ctx_st;

namespace logboom {

/// Restricts a context to these versions ("TLSv1.2") and cipher suites (IANA or OpenSSL names); an empty list restricts
/// nothing. InvalidArgument names a word that is not known.
Result<void> restrict_tls(ssl_ctx_st* context, const std::vector<std::string>& protocols,
                          const std::vector<std::string>& cipher_suites);

}  // namespace logboom
