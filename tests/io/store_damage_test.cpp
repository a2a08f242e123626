// Damage done to a checkpoint after it was written: every flipped bit, every cut, every foreign byte is found before
// any of it is used, and the checkpoint before it stands in.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"
#include "io/run_store.h"
#include "io/safetensors.h"
#include "support/fault_counts.h"
#include "support/simulated_disk.h"

namespace vernier::test {
namespace {

constexpr const char* kDir = "/run";
constexpr std::size_t kPage = 4096;
// More than is hashed in one piece.
constexpr std::int64_t kRows = 64, kColumns = 300;
const std::vector<std::string> kTensorFiles = {"adapter_model.safetensors", "optimizer.safetensors"};
const std::vector<std::string> kFiles = {"adapter_model.safetensors", "optimizer.safetensors", "state.json",
                                         "manifest.json"};

void save(const OutputLock& lock, std::int64_t step) {
  CheckpointWriter writer(lock, step);
  std::mt19937_64 random(static_cast<std::uint64_t>(step));
  for (const std::string& name : kTensorFiles) {
    SafetensorsWriter file(writer.path(name), {{"a", Dtype::kF32, {kRows, kColumns}}, {"b", Dtype::kF32, {77}}}, {},
                           writer.files());
    const std::size_t bytes_of_a = 4 * kRows * kColumns;
    std::string values(bytes_of_a + std::size_t{4} * 77, '\0');
    for (char& byte : values) byte = static_cast<char>(random());
    file.write(std::string_view(values).substr(0, bytes_of_a));
    file.write(std::string_view(values).substr(bytes_of_a));
    file.finish();
    writer.add_file(name);
  }
  writer.write_file("state.json", str("{\"step\": ", step, "}"));
  writer.commit();
}

class StoreDamage : public testing::Test {
 protected:
  StoreDamage() {
    disk.make_directory(kDir);
    const OutputLock lock(kDir, disk);
    for (const std::int64_t step : {1, 2, 3}) save(lock, step);
  }
  std::string& file(const std::string& name, int step = 3) {
    return disk.bytes(str(kDir, "/checkpoint-", step, "/", name));
  }
  std::size_t header_bytes(const std::string& name) {
    std::uint64_t length = 0;
    std::memcpy(&length, file(name).data(), sizeof length);
    return 8 + static_cast<std::size_t>(length);
  }
  // Damages a file of the newest checkpoint, looks whether the one before it is taken instead, and undoes it.
  void expect_found(const std::string& name, const std::function<void(std::string&)>& damage) {
    const std::string good = file(name);
    damage(file(name));
    if (file(name) == good) return;  // nothing was damaged
    std::vector<std::string> notes;
    const auto newest = newest_good_checkpoint(kDir, notes, disk);
    found += newest && newest->step == 2 && notes.size() == 1 && notes[0].find("checkpoint-3") != notes[0].npos &&
             (notes[0].find(name) != notes[0].npos || name == foreign_manifest);
    ++trials;
    file(name) = good;
  }
  void expect_all_found(const char* what, std::size_t at_least) {
    std::vector<std::string> notes;
    EXPECT_EQ(newest_good_checkpoint(kDir, notes, disk)->step, 3);
    EXPECT_EQ(found, trials) << what;
    EXPECT_GE(trials, at_least) << what;
    tell_count(str(what, ": ", found, " of ", trials, " found"));
  }

  SimulatedDisk disk;
  std::size_t trials = 0, found = 0;
  // A whole manifest of another checkpoint: the files are what does not fit then.
  std::string foreign_manifest;
};

void flip(std::string& bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1u << bit % 8));
}

TEST_F(StoreDamage, EveryBitOfManifestStateAndHeaders) {
  for (const std::string& name : kFiles) {
    const bool has_header = name.ends_with(".safetensors");
    const std::size_t bytes = has_header ? header_bytes(name) : file(name).size();
    for (std::size_t bit = 0; bit < 8 * bytes; ++bit)
      expect_found(name, [&](std::string& damaged) { flip(damaged, bit); });
  }
  expect_all_found("flipped bits of manifest, state and headers", 5000);
}

TEST_F(StoreDamage, RandomBitsOfTheData) {
  std::mt19937_64 random(7);
  for (std::size_t i = 0; i < fault_counts().data_bit_flips; ++i)
    expect_found(kTensorFiles[i % 2], [&](std::string& damaged) {
      const std::size_t data = header_bytes(kTensorFiles[i % 2]);
      flip(damaged, 8 * data + random() % (8 * (damaged.size() - data)));
    });
  expect_all_found("flipped bits of data", fault_counts().data_bit_flips);
}

TEST_F(StoreDamage, EveryCut) {
  for (const std::string& name : kFiles) {
    const std::size_t size = file(name).size();
    const std::size_t head = name.ends_with(".safetensors") ? header_bytes(name) : size;
    for (std::size_t length = 0; length < head; ++length)
      expect_found(name, [&](std::string& damaged) { damaged.resize(length); });
    for (std::size_t length = 0; length < size; length += kPage)
      expect_found(name, [&](std::string& damaged) { damaged.resize(length); });
    for (const std::size_t more : {std::size_t{1}, std::size_t{8}, kPage})
      expect_found(name, [&](std::string& damaged) { damaged.resize(size + more); });
  }
  expect_all_found("files cut short or longer", 500);
}

TEST_F(StoreDamage, ForeignPagesAndFiles) {
  foreign_manifest = "manifest.json";
  for (const std::string& name : kFiles) {
    const std::string older = file(name, 2);
    expect_found(name, [&](std::string& damaged) { damaged = older; });
    for (std::size_t page = 0; page < file(name).size(); page += kPage)
      for (const bool of_older : {false, true})
        expect_found(name, [&](std::string& damaged) {
          const std::size_t count = std::min({kPage, damaged.size() - page, older.size() - page});
          damaged.replace(page, count, of_older ? older.substr(page, count) : std::string(count, '\0'));
        });
  }
  const std::string other = file(kTensorFiles[1]);
  expect_found(kTensorFiles[0], [&](std::string& damaged) { damaged = other; });
  expect_all_found("pages of zeros or of an older version, older and swapped files", 20);
}

TEST_F(StoreDamage, FallsBackAsFarAsItMust) {
  flip(file("state.json", 3), 5);
  flip(file("optimizer.safetensors", 2), 50000);
  std::vector<std::string> notes;
  EXPECT_EQ(newest_good_checkpoint(kDir, notes, disk)->step, 1);
  EXPECT_EQ(notes.size(), 2u);
  flip(file("manifest.json", 1), 5);
  notes.clear();
  EXPECT_FALSE(newest_good_checkpoint(kDir, notes, disk));
  EXPECT_EQ(notes.size(), 3u);
}

}  // namespace
}  // namespace vernier::test
