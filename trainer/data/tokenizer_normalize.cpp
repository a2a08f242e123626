#include "data/tokenizer_normalize.h"

namespace vernier {

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  std::size_t start = 0;
  for (std::size_t at = 0; (at = text.find(from, start)) != text.npos; start = at + from.size()) {
    out += text.substr(start, at - start);
    out += to;
  }
  out += text.substr(start);
  return out;
}

std::string Normalizer::apply(std::string_view text) const {
  std::string out(text);
  for (const NormalizerStep& step : steps_) {
    if (const auto* nfc = std::get_if<std::shared_ptr<const Nfc>>(&step)) {
      out = (*nfc)->normalize(out);
    } else if (const auto* prepend = std::get_if<PrependText>(&step)) {
      if (!out.empty()) out.insert(0, prepend->text);
    } else {
      const auto& replace = std::get<ReplaceText>(step);
      out = replace_all(out, replace.from, replace.to);
    }
  }
  return out;
}

}  // namespace vernier
