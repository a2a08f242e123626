// The merge engine against the obvious version: look for the best pair in the whole word, merge it, start again.

#include "data/bpe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

namespace vernier {
namespace {

std::vector<TokenId> merge_naively(std::vector<TokenId> ids, const std::vector<BpeMerge>& merges) {
  std::map<std::pair<TokenId, TokenId>, BpeMerge> table;
  for (const BpeMerge& merge : merges) table[{merge.left, merge.right}] = merge;
  while (true) {
    const BpeMerge* best = nullptr;
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto place = table.find({ids[i], ids[i + 1]});
      if (place == table.end() || (best != nullptr && place->second.rank >= best->rank)) continue;
      best = &place->second;
      at = i;
    }
    if (best == nullptr) return ids;
    ids[at] = best->result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

struct RandomModel {
  Vocabulary vocabulary;
  std::vector<BpeMerge> merges;
  std::size_t letters;
};

// Single letters, then concatenations of earlier tokens, each with a merge; some ranks are equal.
RandomModel random_model(std::uint64_t seed, std::size_t letters, std::size_t tokens) {
  RandomModel model;
  model.letters = letters;
  const RandomStream random(seed, RandomPurpose::kShuffle);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < letters; ++i) texts.emplace_back(1, static_cast<char>('a' + i));
  for (std::size_t i = 0; i < letters; ++i) model.vocabulary.add(texts[i], static_cast<std::int64_t>(i), "test");
  for (std::uint64_t draw = 0; draw < 10 * tokens && texts.size() < letters + tokens; ++draw) {
    const std::size_t left = random.at(3 * draw) % texts.size(), right = random.at(3 * draw + 1) % texts.size();
    const std::string joined = texts[left] + texts[right];
    if (joined.size() > 12) continue;
    auto id = model.vocabulary.find(joined);
    if (!id) {
      id = static_cast<TokenId>(texts.size());
      model.vocabulary.add(joined, *id, "test");
      texts.push_back(joined);
    }
    model.merges.push_back(
        {static_cast<TokenId>(left), static_cast<TokenId>(right), *id, random.at(3 * draw + 2) % 64});
  }
  return model;
}

TEST(Bpe, MergesAsTheNaiveVersionDoes) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    RandomModel model = random_model(seed, 1 + seed % 4, 60);
    const std::size_t letters = model.letters;
    const std::vector<BpeMerge> merges = model.merges;
    const Bpe bpe(std::move(model.vocabulary), merges, {});
    const RandomStream random(seed, RandomPurpose::kSplit);
    Bpe::Scratch scratch;
    for (const std::size_t length : {1, 2, 3, 7, 39, 40, 41, 42, 100, 333}) {
      std::string word;
      std::vector<TokenId> symbols;
      for (std::size_t i = 0; i < length; ++i) {
        symbols.push_back(static_cast<TokenId>(random.at(length * 1000 + i) % letters));
        word.push_back(static_cast<char>('a' + symbols.back()));
      }
      std::vector<TokenId> ids;
      bpe.encode_word(word, scratch, ids);
      EXPECT_EQ(ids, merge_naively(symbols, merges)) << "seed " << seed << " word " << word;
    }
  }
}

TEST(Bpe, LaterOfTwoEqualMergesCounts) {
  Vocabulary vocabulary;
  std::int64_t id = 0;
  for (const char* text : {"a", "b", "c", "ab", "bc"}) vocabulary.add(text, id++, "test");
  const std::vector<BpeMerge> merges = {{0, 1, 3, 0}, {1, 2, 4, 1}, {0, 1, 3, 2}};
  const Bpe bpe(std::move(vocabulary), merges, {});
  Bpe::Scratch scratch;
  std::vector<TokenId> ids;
  bpe.encode_word("abc", scratch, ids);
  EXPECT_THAT(ids, testing::ElementsAre(0, 4));
}

TEST(Bpe, UnknownCharactersVanishOrBecomeUnk) {
  const auto encode = [](BpeOptions options) {
    Vocabulary vocabulary;
    vocabulary.add("a", 0, "test");
    vocabulary.add("?", 1, "test");
    const Bpe bpe(std::move(vocabulary), {}, options);
    Bpe::Scratch scratch;
    std::vector<TokenId> ids;
    bpe.encode_word("ax\xC3\xA9za", scratch, ids);
    return ids;
  };
  EXPECT_THAT(encode({}), testing::ElementsAre(0, 0));
  EXPECT_THAT(encode({.unk = 1}), testing::ElementsAre(0, 1, 1, 1, 0));
  EXPECT_THAT(encode({.fuse_unk = true, .unk = 1}), testing::ElementsAre(0, 1, 0));
}

// 625,000 times "aaaabcdefghijklm": a scan of the whole word a merge would take weeks.
TEST(Bpe, TenMegabytesInOneWord) {
  Vocabulary vocabulary;
  std::string block = "aaa";
  for (char letter = 'a'; letter <= 'm'; ++letter) {
    block.push_back(letter);
    vocabulary.add(std::string(1, letter), letter - 'a', "test");
  }
  vocabulary.add("aa", 13, "test");
  vocabulary.add("aaaa", 14, "test");
  const Bpe bpe(std::move(vocabulary), {{0, 0, 13, 0}, {13, 13, 14, 1}}, {});
  std::string word;
  constexpr std::size_t kBlocks = 625'000;
  for (std::size_t i = 0; i < kBlocks; ++i) word += block;
  Bpe::Scratch scratch;
  std::vector<TokenId> ids;
  bpe.encode_word(word, scratch, ids);
  ASSERT_EQ(word.size(), 10'000'000u);
  ASSERT_EQ(ids.size(), 13 * kBlocks);
  for (std::size_t i = 0; i < ids.size(); ++i)
    ASSERT_EQ(ids[i], i % 13 == 0 ? 14 : static_cast<TokenId>(i % 13)) << "position " << i;
}

TEST(Bpe, ByteAlphabetIsOneToOne) {
  std::string bytes, text;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bytes.push_back(static_cast<char>(byte));
    text += byte_token_text(byte, true);
  }
  EXPECT_EQ(bytes_of_alphabet(text), bytes);
  EXPECT_EQ(byte_token_text(' ', true), "\xC4\xA0");
  EXPECT_EQ(byte_token_text(10, false), "<0x0A>");
  EXPECT_EQ(bytes_of_alphabet("a b"), std::nullopt);
}

TEST(BpeVocabulary, RefusesASecondTextOrId) {
  Vocabulary vocabulary;
  vocabulary.add("a", 0, "f");
  EXPECT_THROW(vocabulary.add("a", 1, "f"), Error);
  EXPECT_THROW(vocabulary.add("b", 0, "f"), Error);
  EXPECT_THROW(vocabulary.add("c", -1, "f"), Error);
  EXPECT_THROW(vocabulary.add("c", std::int64_t{1} << 40, "f"), Error);
}

}  // namespace
}  // namespace vernier
