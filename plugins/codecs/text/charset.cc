#include "plugins/codecs/text/charset.h"

#include <unicode/ucnv.h>
#include <unicode/ustring.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "pipeline/base/log.h"
#include "pipeline/base/utf8.h"

namespace logboom {
namespace {

std::string in_capitals(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using ConverterPtr = std::unique_ptr<UConverter, CloseConverter>;

ConverterPtr open_converter(const std::string& name) {
  UErrorCode status = U_ZERO_ERROR;
  ConverterPtr made(ucnv_open(name.c_str(), &status));
  return U_SUCCESS(status) ? std::move(made) : nullptr;
}

}  // namespace

Result<Charset> Charset::find(std::string_view name) {
  std::string wanted = in_capitals(name);
  Charset made;
  if (wanted == "UTF-8" || wanted == "UTF8") return made;
  if (wanted == "BINARY" || wanted == "ASCII-8BIT") wanted = "US-ASCII";
  const Error unknown{ErrorCode::NotFound, "no character set is called \"" + std::string(name) + "\""};
  if (wanted.empty() || wanted.size() > 60) return unknown;
  const ConverterPtr converter = open_converter(wanted);
  if (!converter) return unknown;
  switch (ucnv_getType(converter.get())) {
    case UCNV_UTF8: return made;
    case UCNV_UTF16:
    case UCNV_UTF16_BigEndian:
    case UCNV_UTF16_LittleEndian: made.unit_bytes_ = 2; break;
    case UCNV_UTF32:
    case UCNV_UTF32_BigEndian:
    case UCNV_UTF32_LittleEndian: made.unit_bytes_ = 4; break;
    default: break;
  }
  made.has_open_byte_order_ = wanted == "UTF-16" || wanted == "UTF16" || wanted == "UTF-32" || wanted == "UTF32";
  made.icu_name_ = wanted;
  return made;
}

Charset Charset::of_option(const std::string& name, const PluginContext& context) {
  auto found = find(name);
  if (found) return *found;
  context.error("charset", "charset: " + found.error().message,
                "write UTF-8, ISO-8859-1, CP1252, UTF-16LE, Shift_JIS or another IANA name");
  return {};
}

Charset Charset::with_byte_order(bool is_little_endian) const {
  Charset made = *this;
  if (!has_open_byte_order_) return made;
  made.icu_name_ = std::string(unit_bytes_ == 2 ? "UTF-16" : "UTF-32") + (is_little_endian ? "LE" : "BE");
  made.has_open_byte_order_ = false;
  return made;
}

std::string Charset::encode(std::string_view utf8) const {
  if (is_utf8()) return std::string(utf8);
  const ConverterPtr to = open_converter(has_open_byte_order_ ? with_byte_order(false).icu_name_ : icu_name_);
  if (!to) return std::string(utf8);
  std::vector<UChar> wide(utf8.size() + 1);
  std::int32_t wide_size = 0;
  UErrorCode status = U_ZERO_ERROR;
  u_strFromUTF8WithSub(wide.data(), static_cast<std::int32_t>(wide.size()), &wide_size, utf8.data(),
                       static_cast<std::int32_t>(utf8.size()), 0xFFFD, nullptr, &status);
  std::string out(static_cast<std::size_t>(UCNV_GET_MAX_BYTES_FOR_STRING(wide_size, ucnv_getMaxCharSize(to.get()))), '\0');
  const auto size =
      ucnv_fromUChars(to.get(), out.data(), static_cast<std::int32_t>(out.size()), wide.data(), wide_size, &status);
  if (U_FAILURE(status)) return std::string(utf8);
  out.resize(static_cast<std::size_t>(size));
  return out;
}

struct CharsetReader::Converter {
  ConverterPtr handle;
  std::vector<UChar> wide;
};

namespace {

/// Said now and then, for the whole process: one wrong charset makes every text of a sender wrong.
void warn_of_invalid_text(std::string_view charset, std::string_view kept_as) {
  static LogRateLimit limit;
  if (!limit.allow()) return;
  log_warn(
      "codec",
      "a text is not valid {} and keeps its wrong bytes as {}; is the codec's option charset right? ({} more such texts)",
      charset, kept_as, limit.suppressed());
}

}  // namespace

CharsetReader::CharsetReader(Charset charset, Counter& invalid) : invalid_(invalid) { set_charset(std::move(charset)); }
CharsetReader::~CharsetReader() = default;
CharsetReader::CharsetReader(CharsetReader&&) noexcept = default;

void CharsetReader::set_charset(Charset charset) {
  charset_ = std::move(charset);
  converter_.reset();
  if (charset_.is_utf8()) return;
  converter_ = std::make_unique<Converter>();
  converter_->handle = open_converter(charset_.icu_name());
}

std::string_view CharsetReader::to_utf8(std::string_view bytes, Arena& arena) {
  if (converter_ != nullptr) return convert(bytes, arena);
  if (is_valid_utf8(bytes)) return bytes;
  invalid_.add();
  warn_of_invalid_text("UTF-8", "\\xNN");
  std::string escaped;
  escaped.reserve(bytes.size() + 64);
  append_utf8_escaped(bytes, escaped);
  return arena.copy(escaped);
}

std::string_view CharsetReader::convert(std::string_view bytes, Arena& arena) {
  // ICU writes UTF-16; pieces keep its buffer small whatever the text's length.
  constexpr std::size_t kPieceUnits = 16 * 1024;
  UConverter* const from = converter_->handle.get();
  ucnv_resetToUnicode(from);
  if (converter_->wide.empty()) converter_->wide.resize(kPieceUnits);
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  bool is_replaced = false;
  for (;;) {
    UChar* target = converter_->wide.data();
    UErrorCode status = U_ZERO_ERROR;
    ucnv_toUnicode(from, &target, target + kPieceUnits, &at, end, nullptr, true, &status);
    const UChar* unit = converter_->wide.data();
    while (unit < target) {
      UChar32 code_point = *unit++;
      if (U16_IS_LEAD(code_point) && unit < target && U16_IS_TRAIL(*unit)) {
        code_point = U16_GET_SUPPLEMENTARY(code_point, *unit++);
      } else if (U16_IS_SURROGATE(code_point)) {
        code_point = kReplacementCodePoint;
      }
      is_replaced = is_replaced || code_point == kReplacementCodePoint;
      append_utf8(static_cast<std::uint32_t>(code_point), out);
    }
    if (status != U_BUFFER_OVERFLOW_ERROR) break;
  }
  if (charset_.unit_bytes() > 1 && out.compare(0, 3, "\xEF\xBB\xBF") == 0) out.erase(0, 3);
  if (is_replaced) {
    invalid_.add();
    warn_of_invalid_text(charset_.icu_name(), "U+FFFD");
  }
  return arena.copy(out);
}

}  // namespace logboom
