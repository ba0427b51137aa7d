// Certificates made when the tests run: an authority, a server for localhost and 127.0.0.1, a client, a stranger's client,
// and servers' that no client should take.
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
  /// (subject CN=shipper,O=Logboom), "stranger.pem", "stranger.key" (signed by nobody that is known). Of servers:
  /// "expired.pem" (until yesterday), "other-host.pem" (for other.example), "foreign.pem" (signed by nobody that is known),
  /// each with its key.
  std::string path(const std::string& file) const { return (folder_ / file).string(); }

 private:
  std::filesystem::path folder_;
};

}  // namespace logboom
