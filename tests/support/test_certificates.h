// Certificates made when the tests run: an authority, a server for localhost and 127.0.0.1, a client, and a stranger's
// client.
#pragma once

#include <filesystem>
#include <string>

namespace logboom {

/// PEM files in a folder that goes with the object.
class TestCertificates {
 public:
  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  /// "ca.pem", "server.pem", "server.key", "server-locked.key" (passphrase "open sesame"), "client.pem", "client.key"
  /// (subject CN=shipper,O=Logboom), "stranger.pem", "stranger.key" (signed by nobody that is known).
  std::string path(const std::string& file) const { return (folder_ / file).string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace logboom
