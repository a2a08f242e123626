#pragma once
// Byte-pair encoding of one word, as Hugging Face's BPE model does it: symbols are characters (or bytes in the
// byte-level alphabet of GPT-2), and the adjacent pair of the lowest rank, leftmost first, is merged until none is
// left. Sennrich, Haddow, Birch 2016, "Neural machine translation of rare words with subword units".

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/bpe_vocabulary.h"

namespace vernier {

// Each byte's character in the byte-level alphabet: itself where printable in Latin-1, else U+0100 and up.
const std::array<char32_t, 256>& byte_alphabet();
// The bytes that a text in the byte-level alphabet stands for; nullopt when a character is not of the alphabet.
std::optional<std::string> bytes_of_alphabet(std::string_view text);
// The text of the token that stands for one byte: its character of the alphabet, or "<0xXX>" of a byte fallback.
std::string byte_token_text(unsigned byte, bool byte_level);

struct BpeMerge {
  TokenId left, right, result;
  std::uint32_t rank;  // equal ranks merge leftmost first
};

// The merge of two tokens by their texts; Error(kInput) at `where` naming the merge when one of the two, or their
// concatenation, is no token.
BpeMerge merge_from_texts(const Vocabulary& vocabulary, const std::string& left, const std::string& right,
                          std::size_t rank, const std::string& where);

// (left, right) to (rank, result): an open-addressing table, read once per pair of neighbours.
class BpeMergeTable {
 public:
  struct Entry {
    std::uint64_t key;
    std::uint32_t rank;
    TokenId result;
  };

  // Of two merges of one pair the later counts.
  explicit BpeMergeTable(const std::vector<BpeMerge>& merges);

  // nullptr when the pair does not merge.
  const Entry* find(TokenId left, TokenId right) const;

 private:
  static std::uint64_t key_of(TokenId left, TokenId right);
  std::size_t slot_of(std::uint64_t key) const;

  std::vector<Entry> slots_;
  unsigned shift_;
};

struct BpeOptions {
  bool byte_level = false;     // words are bytes, tokens are written in the byte-level alphabet
  bool ignore_merges = false;  // a word that is a token stays whole
  bool byte_fallback = false;  // an unknown character becomes its bytes' tokens <0x00> .. <0xFF>
  bool fuse_unk = false;       // neighbouring unknown characters share one unk
  std::optional<TokenId> unk;  // without it unknown characters vanish
};

class Bpe {
 public:
  Bpe(Vocabulary vocabulary, const std::vector<BpeMerge>& merges, const BpeOptions& options);

  // Memory that calls of encode_word reuse; one a thread.
  struct Scratch {
    struct Symbol {
      TokenId id;
      std::int32_t previous, next;  // -1: none
    };
    struct Candidate {
      std::uint64_t rank_and_position;  // rank << 32 | index of the left symbol
      TokenId left, right;
      bool operator>(const Candidate& other) const { return rank_and_position > other.rank_and_position; }
    };
    std::vector<TokenId> ids;
    std::vector<std::uint32_t> ranks;
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
  };

  // Appends the ids of one word. O(n log n) in its length. Precondition: unless byte_level, `word` is UTF-8.
  void encode_word(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const;

  const Vocabulary& vocabulary() const { return vocabulary_; }

 private:
  void start_symbols(std::string_view word, std::vector<TokenId>& ids) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;
  std::optional<TokenId> whole(std::string_view word) const;

  Vocabulary vocabulary_;
  BpeMergeTable merges_;
  BpeOptions options_;
  std::array<std::optional<TokenId>, 256> byte_ids_;     // byte_level: by byte; else: <0xXX>
  std::array<std::optional<TokenId>, 128> ascii_ids_;    // not byte_level
  std::unordered_map<std::string, TokenId> byte_words_;  // ignore_merges on byte_level: tokens as bytes
};

}  // namespace vernier
