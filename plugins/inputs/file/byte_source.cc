#include "plugins/inputs/file/byte_source.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace logboom {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(number_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Error failure(const std::string& path, const char* call, int code) {
  return Error{code == ENOENT ? ErrorCode::NotFound : ErrorCode::Io,
               fmt::format("{}: {}: {}", path, call, std::strerror(code))};
}

Result<std::size_t> read_at(int descriptor, char* to, std::size_t size, std::uint64_t offset, const std::string& path) {
  for (;;) {
    const ssize_t count = pread(descriptor, to, size, static_cast<off_t>(offset));
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR) return failure(path, "read", errno);
  }
}

class PlainSource final : public ByteSource {
 public:
  PlainSource(std::string path, int descriptor, std::uint64_t offset)
      : path_(std::move(path)), descriptor_(descriptor), offset_(offset) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    auto count = read_at(descriptor_.number(), to, size, offset_, path_);
    if (count) offset_ += *count;
    return count;
  }
  std::uint64_t file_offset() const override { return offset_; }
  int descriptor() const override { return descriptor_.number(); }

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t offset_;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {
    constexpr int kGzipWindowBits = 15 + 16;
    is_ready_ = inflateInit2(&stream_, kGzipWindowBits) == Z_OK;
  }
  ~GzipSource() override {
    if (is_ready_) inflateEnd(&stream_);
  }

  Result<std::size_t> read(char* to, std::size_t size) override {
    if (!is_ready_) return Error{ErrorCode::Io, path_ + ": no memory to unpack"};
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out == size) {
      if (stream_.avail_in == 0) {
        const auto count = read_at(descriptor_.number(), packed_.data(), packed_.size(), offset_, path_);
        if (!count) return count.error();
        offset_ += *count;
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(*count);
        if (*count == 0) {
          if (is_between_members_ && has_member_) return std::size_t{0};
          return Error{ErrorCode::Corrupt, path_ + ": the gzip archive is cut short"};
        }
      }
      if (is_between_members_ && has_member_ && *stream_.next_in == 0) {  // padding behind the last member
        ++stream_.next_in;
        --stream_.avail_in;
        continue;
      }
      is_between_members_ = false;
      const int state = inflate(&stream_, Z_NO_FLUSH);
      if (state == Z_STREAM_END) {
        has_member_ = true;
        is_between_members_ = true;
        if (inflateReset(&stream_) != Z_OK) return Error{ErrorCode::Io, path_ + ": no memory to unpack"};
      } else if (state != Z_OK && state != Z_BUF_ERROR) {
        return Error{ErrorCode::Corrupt, path_ + ": the gzip archive is damaged"};
      }
    }
    return size - stream_.avail_out;
  }
  std::uint64_t file_offset() const override { return offset_; }
  int descriptor() const override { return descriptor_.number(); }

 private:
  std::string path_;
  Descriptor descriptor_;
  std::uint64_t offset_ = 0;
  z_stream stream_{};
  std::array<char, 64 * 1024> packed_;
  bool is_ready_ = false;
  bool has_member_ = false;
  bool is_between_members_ = true;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_plain(const std::string& path, std::uint64_t offset) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failure(path, "open", errno);
  return std::unique_ptr<ByteSource>(std::make_unique<PlainSource>(path, descriptor, offset));
}

Result<std::unique_ptr<ByteSource>> open_gzip(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failure(path, "open", errno);
  return std::unique_ptr<ByteSource>(std::make_unique<GzipSource>(path, descriptor));
}

bool is_gzip_name(const std::string& path) {
  const auto ends_with = [&](std::string_view ending) {
    return path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
  };
  return ends_with(".gz") || ends_with(".gzip");
}

}  // namespace logboom
