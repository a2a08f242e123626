#include "data/tokenizer_decode.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "data/bpe.h"
#include "data/tokenizer_normalize.h"
#include "data/unicode.h"

namespace vernier {
namespace {

using Tokens = std::vector<std::string>;

std::string fused(const Tokens& tokens) {
  return std::accumulate(tokens.begin(), tokens.end(), std::string());
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Rust's u8::from_str_radix, which the reference uses, reads "+7" too.
std::optional<char> byte_of_token(std::string_view token) {
  if (token.size() != 6 || !starts_with(token, "<0x") || token[5] != '>') return std::nullopt;
  const int high = token[3] == '+' ? 0 : hex_digit(token[3]);
  const int low = hex_digit(token[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

Tokens byte_level(const Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += bytes_of_alphabet(token).value_or(token);
  return {replace_invalid_utf8(bytes)};
}

Tokens byte_fallback(Tokens tokens) {
  Tokens out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_utf8(bytes))
      out.push_back(bytes);
    else
      for (std::size_t i = 0; i < bytes.size(); ++i) append_utf8(out.emplace_back(), 0xFFFD);
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of_token(token)) {
      bytes.push_back(*byte);
    } else {
      flush();
      out.push_back(std::move(token));
    }
  }
  flush();
  return out;
}

std::string stripped(const std::string& token, const DecodeStrip& strip) {
  std::string unit;
  append_utf8(unit, strip.character);
  std::string_view rest = token;
  for (std::size_t i = 0; i < strip.start && starts_with(rest, unit); ++i) rest.remove_prefix(unit.size());
  for (std::size_t i = 0; i < strip.stop && ends_with(rest, unit); ++i) rest.remove_suffix(unit.size());
  return std::string(rest);
}

Tokens apply(Tokens tokens, const DecodeStep& step) {
  if (std::holds_alternative<DecodeByteLevel>(step)) return byte_level(tokens);
  if (std::holds_alternative<DecodeByteFallback>(step)) return byte_fallback(std::move(tokens));
  if (std::holds_alternative<DecodeFuse>(step)) return {fused(tokens)};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string& token = tokens[i];
    if (const auto* replace = std::get_if<DecodeReplace>(&step)) token = replace_all(token, replace->from, replace->to);
    if (const auto* strip = std::get_if<DecodeStrip>(&step)) token = stripped(token, *strip);
    if (const auto* space = std::get_if<DecodeMetaspace>(&step))
      token = replace_all(token, space->replacement, i == 0 && space->drops_first ? "" : " ");
  }
  return tokens;
}

}  // namespace

std::string decode_tokens(std::vector<std::string> tokens, const std::vector<DecodeStep>& steps) {
  for (const DecodeStep& step : steps) tokens = apply(std::move(tokens), step);
  return fused(tokens);
}

}  // namespace vernier
