#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "base/text.h"
#include "data/unicode.h"

namespace vernier {
namespace {

const icu::Normalizer2& nfc_of_this_icu() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) throw Error(ErrorKind::kResource, str("ICU has no NFC data: ", u_errorName(status)));
  return *nfc;
}

icu::UnicodeSet unicode_9() {
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeSet set(UNICODE_STRING_SIMPLE("[:age=9.0:]"), status);
  if (U_FAILURE(status)) throw Error(ErrorKind::kResource, str("ICU has no age data: ", u_errorName(status)));
  set.freeze();
  return set;
}

}  // namespace

struct Nfc::State {
  icu::UnicodeSet known = unicode_9();
  icu::FilteredNormalizer2 filtered{nfc_of_this_icu(), known};
};

Nfc::Nfc() : state_(std::make_unique<State>()) {}
Nfc::~Nfc() = default;
Nfc::Nfc(Nfc&&) noexcept = default;

std::string Nfc::normalize(std::string_view text) const {
  const auto is_ascii = [](char byte) { return static_cast<unsigned char>(byte) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return std::string(text);
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()))
    throw Error(ErrorKind::kInput, "a text over 2 GiB", "", "split it");
  std::string out;
  icu::StringByteSink<std::string> sink(&out, static_cast<std::int32_t>(text.size()));
  UErrorCode status = U_ZERO_ERROR;
  const icu::StringPiece source(text.data(), static_cast<std::int32_t>(text.size()));
  state_->filtered.normalizeUTF8(0, source, sink, nullptr, status);
  if (U_FAILURE(status)) throw Error(ErrorKind::kResource, str("ICU cannot normalize: ", u_errorName(status)));
  return out;
}

}  // namespace vernier
