#pragma once
// Cutting a text into the words that BPE works on, as the pre-tokenizers of Hugging Face's tokenizers do: Digits,
// ByteLevel's own regex, Split by regex or string (behaviour Isolated), Metaspace. A tokenizer runs a list of them.

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/unicode.h"

namespace vernier {

// The pieces of one stretch of text between added tokens. `list` looks into the caller's text or into `owned`.
struct Pieces {
  std::vector<std::string_view> list;
  std::deque<std::string> owned;
  bool at_text_start = false;  // the first piece begins where the whole text begins
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Replaces each piece by its parts; no part is empty. Precondition: pieces are UTF-8.
  virtual void split(Pieces& pieces) const = 0;
};

using UnicodeClassesPtr = std::shared_ptr<const UnicodeClasses>;

// The regexes that are scanned by hand.
enum class KnownSplit {
  kGpt2,   // ByteLevel with use_regex
  kQwen2,  // Qwen2, Qwen2.5, Qwen3: single digits
  kLlama3  // the same with up to three digits together
};

std::unique_ptr<PreTokenizer> make_known_split(KnownSplit kind, UnicodeClassesPtr classes);
// A space in front of each piece that has none (ByteLevel's add_prefix_space).
std::unique_ptr<PreTokenizer> make_prefix_space();
// Numeric characters apart from the rest: each alone, or in runs.
std::unique_ptr<PreTokenizer> make_digits_split(bool individual, UnicodeClassesPtr classes);
// Each occurrence of a string apart. Precondition: not empty.
std::unique_ptr<PreTokenizer> make_string_split(std::string separator);

enum class MetaspacePrefix { kAlways, kFirst, kNever };
// Spaces become `replacement`; where `prefix` says so one more is put in front; with `cut` each begins a new piece.
std::unique_ptr<PreTokenizer> make_metaspace(std::string replacement, MetaspacePrefix prefix, bool cut);

// A Split with a regex: a known one by hand, any other by PCRE2 (with our tables for \s, \p{L}, \p{N}).
// Error(kInput) at `where` for one that does not compile or uses a construct that Oniguruma reads otherwise.
std::unique_ptr<PreTokenizer> make_regex_split(const std::string& regex, UnicodeClassesPtr classes,
                                               const std::string& where);

}  // namespace vernier
