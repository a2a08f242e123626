#include "io/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "io/test_files.h"
#include "support/skips.h"

namespace vernier {
namespace {

namespace fs = std::filesystem;
using Steps = std::vector<std::int64_t>;
using test::error_of;
using test::slurp;
using test::TempDir;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string save(const OutputLock& lock, std::int64_t step, const std::string& text = "state") {
  CheckpointWriter writer(lock, step);
  const float value = static_cast<float>(step);
  SafetensorsWriter weights(writer.path("adapter_model.safetensors"), {{"w", Dtype::kF32, {1}}});
  weights.write(test::raw(value));
  weights.finish();
  writer.add_file("adapter_model.safetensors");
  writer.write_file("state.json", text);
  return writer.commit();
}

// The names in a directory but the lock's, sorted.
std::vector<std::string> names(const std::string& dir) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(dir))
    if (entry.path().filename() != ".lock") found.push_back(entry.path().filename().string());
  std::sort(found.begin(), found.end());
  return found;
}

void put(const std::string& path, const std::string& bytes) {
  write_file_atomically(path, bytes);
}

// One byte in place: a file written anew costs a flush on ext4.
void poke(const std::string& path, std::size_t at, char byte) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

class RunStore : public testing::Test {
 protected:
  std::optional<Checkpoint> newest() {
    notes.clear();
    return newest_good_checkpoint(dir.str(), notes);
  }
  void expect_newest(std::int64_t step, std::size_t passed_over) {
    const auto found = newest();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->step, step);
    EXPECT_EQ(found->path, dir / checkpoint_name(step));
    EXPECT_EQ(notes.size(), passed_over);
  }
  // Renames to the name that process 1 would have given.
  void mark(const std::string& name, const std::string& suffix) { fs::rename(dir / name, dir / (name + suffix)); }

  TempDir dir;
  OutputLock lock{dir.str()};
  std::vector<std::string> notes;
};

TEST_F(RunStore, WritesWhatItReadsBack) {
  EXPECT_FALSE(has_checkpoints(dir.str()));
  EXPECT_EQ(newest(), std::nullopt);
  const std::string path = save(lock, 7, "seven");
  EXPECT_EQ(path, dir / "checkpoint-7");
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-7"));
  EXPECT_THAT(names(path), ElementsAre("adapter_model.safetensors", "manifest.json", "state.json"));
  EXPECT_EQ(slurp(path + "/state.json"), "seven");
  EXPECT_EQ(SafetensorsFile(path + "/adapter_model.safetensors").at("w").bytes, test::raw(7.0f));
  EXPECT_EQ(verify_checkpoint(path), 7);
  EXPECT_TRUE(has_checkpoints(dir.str()));
  expect_newest(7, 0);
}

TEST_F(RunStore, TheManifestSaysSizeAndHash) {
  const Json json = read_json_file(save(lock, 3, "") + "/manifest.json");
  EXPECT_EQ(json["format"], 1);
  EXPECT_EQ(json["step"], 3);
  ASSERT_EQ(json["files"].size(), 2u);
  EXPECT_EQ(json["files"][1]["name"], "state.json");
  EXPECT_EQ(json["files"][1]["size"], 0);
  EXPECT_EQ(json["files"][1]["xxh3"], "2d06800538d394c2");  // xxHash's own value for no bytes
}

TEST_F(RunStore, ListsInTheOrderOfSteps) {
  for (const std::int64_t step : {100, 9, 20}) save(lock, step);
  for (const char* name : {"checkpoint-", "checkpoint-x", "checkpoint-07", "checkpoint-99999999999999999999", "other",
                           "checkpoint-3.old", "checkpoint-5-6", "-7"})
    fs::create_directory(dir / name);
  dir.write("checkpoint-8", "a file");
  EXPECT_EQ(list_checkpoints(dir.str()), (Steps{9, 20, 100}));
  expect_newest(100, 0);
  EXPECT_THAT(list_checkpoints(dir / "absent"), IsEmpty());
  EXPECT_FALSE(has_checkpoints(dir / "absent"));
  EXPECT_EQ(error_of([&] { list_checkpoints(dir / "checkpoint-8"); }).kind(), ErrorKind::kInput);
}

TEST_F(RunStore, NotCommittedLeavesNothing) {
  {
    CheckpointWriter writer(lock, 5);
    writer.write_file("state.json", "x");
    EXPECT_EQ(list_checkpoints(dir.str()), Steps{});
    EXPECT_THAT(names(dir.str()), ElementsAre(str("checkpoint-5.tmp-", ::getpid())));
  }
  EXPECT_THAT(names(dir.str()), IsEmpty());
}

TEST_F(RunStore, EveryChangedByteIsFound) {
  const std::string path = save(lock, 12);
  std::size_t tried = 0;
  for (const std::string& name : names(path)) {
    const std::string file = path + "/" + name, good = slurp(file);
    const RandomStream random(1, RandomPurpose::kSplit);
    for (std::size_t i = 0; i < good.size(); ++i) {
      // Each bit of each byte, and one other byte of all that there are.
      std::vector<unsigned> flips = {1 + random.at(i) % 255};
      for (unsigned bit = 0; bit < 8; ++bit) flips.push_back(1u << bit);
      for (const unsigned flip : flips) {
        poke(file, i, static_cast<char>(static_cast<unsigned char>(good[i]) ^ flip));
        const Error error = error_of([&] { verify_checkpoint(path); });
        ASSERT_EQ(error.kind(), ErrorKind::kIntegrity) << name << " " << i << " " << flip;
        ASSERT_THAT(error.where(), testing::StartsWith(file)) << i << " " << flip;
        ++tried;
      }
      poke(file, i, good[i]);
    }
    ASSERT_EQ(verify_checkpoint(path), 12);
  }
  EXPECT_GT(tried, 3000u);
}

TEST_F(RunStore, EveryTruncationAndEveryByteMoreIsFound) {
  const std::string path = save(lock, 12);
  for (const std::string& name : names(path)) {
    const std::string file = path + "/" + name, good = slurp(file);
    for (std::size_t size = good.size(); size-- > 0;) {
      fs::resize_file(file, size);
      const Error error = error_of([&] { verify_checkpoint(path); });
      ASSERT_EQ(error.kind(), ErrorKind::kIntegrity) << name << " " << size;
      ASSERT_THAT(error.where(), testing::StartsWith(file)) << size;
    }
    for (const char* more : {"\n", " ", "x"}) {
      std::ofstream(file, std::ios::binary) << good << more;
      ASSERT_EQ(error_of([&] { verify_checkpoint(path); }).kind(), ErrorKind::kIntegrity) << name;
    }
    fs::remove(file);
    const Error gone = error_of([&] { verify_checkpoint(path); });
    ASSERT_EQ(gone.kind(), ErrorKind::kIntegrity);
    ASSERT_EQ(gone.where(), file);
    fs::create_directory(file);
    ASSERT_EQ(error_of([&] { verify_checkpoint(path); }).where(), file);
    fs::remove(file);
    std::ofstream(file, std::ios::binary) << good;
  }
  EXPECT_EQ(verify_checkpoint(path), 12);
}

TEST_F(RunStore, SwappedOlderAndForeignPartsAreFound) {
  const std::string one = save(lock, 1, "aaaa"), two = save(lock, 2, "bbbb");
  const std::string newer = slurp(two + "/state.json");
  put(two + "/state.json", slurp(one + "/state.json"));
  EXPECT_EQ(error_of([&] { verify_checkpoint(two); }).where(), two + "/state.json");
  put(two + "/state.json", newer);
  expect_newest(2, 0);
  // A whole checkpoint under another step's name is not that step's.
  fs::rename(one, dir / "checkpoint-9");
  expect_newest(2, 1);
  EXPECT_THAT(notes[0], HasSubstr("checkpoint-9: its manifest is that of step 1"));
}

TEST_F(RunStore, ForgedManifestsAreRefused) {
  const std::string path = save(lock, 4);
  CheckpointManifest manifest = read_manifest(path);
  ASSERT_EQ(manifest_text(manifest), slurp(path + "/manifest.json"));
  for (const std::string name : {"../state.json", "/etc/passwd", "", "..", "manifest.json"}) {
    CheckpointManifest forged = manifest;
    forged.files[0].name = name;
    put(path + "/manifest.json", manifest_text(forged));
    EXPECT_EQ(error_of([&] { verify_checkpoint(path); }).kind(), ErrorKind::kIntegrity) << name;
  }
  CheckpointManifest twice = manifest;
  twice.files.push_back(twice.files[0]);
  put(path + "/manifest.json", manifest_text(twice));
  EXPECT_THAT(error_of([&] { verify_checkpoint(path); }).what(), HasSubstr("twice"));
  CheckpointManifest negative = manifest;
  negative.step = -1;
  put(path + "/manifest.json", manifest_text(negative));
  EXPECT_EQ(error_of([&] { verify_checkpoint(path); }).kind(), ErrorKind::kIntegrity);
  // A user's file beside ours does no harm.
  put(path + "/manifest.json", manifest_text(manifest));
  put(path + "/README.md", "mine");
  EXPECT_EQ(verify_checkpoint(path), 4);
}

TEST_F(RunStore, FallsBackPastDamageAndTellsEach) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(lock, step);
  put(dir / "checkpoint-4/state.json", "strte");
  fs::remove(dir / "checkpoint-3/manifest.json");
  expect_newest(2, 2);
  EXPECT_THAT(notes[0], testing::AllOf(HasSubstr("checkpoint-4"), HasSubstr("state.json"), HasSubstr("damaged")));
  EXPECT_THAT(notes[1], testing::AllOf(HasSubstr("checkpoint-3"), HasSubstr("manifest.json")));
  fs::remove_all(dir / "checkpoint-2/adapter_model.safetensors");
  fs::remove_all(dir / "checkpoint-1/state.json");
  EXPECT_FALSE(newest());
  EXPECT_EQ(notes.size(), 4u);
}

TEST_F(RunStore, AStepDoneAgainReplacesTheOlderOne) {
  save(lock, 5, "old");
  EXPECT_EQ(save(lock, 5, "new"), dir / "checkpoint-5");
  EXPECT_EQ(slurp(dir / "checkpoint-5/state.json"), "new");
  put(dir / "checkpoint-5/state.json", "bad");
  save(lock, 5, "third");
  EXPECT_EQ(slurp(dir / "checkpoint-5/state.json"), "third");
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-5"));
  expect_newest(5, 0);
}

TEST_F(RunStore, PrunesTheOldestOnly) {
  for (const std::int64_t step : {1, 2, 3, 10, 11}) save(lock, step);
  prune_checkpoints(lock, 5);
  EXPECT_EQ(list_checkpoints(dir.str()), (Steps{1, 2, 3, 10, 11}));
  prune_checkpoints(lock, 3, {1});
  EXPECT_EQ(list_checkpoints(dir.str()), (Steps{1, 3, 10, 11}));
  // One alone is never what is left.
  prune_checkpoints(lock, 1);
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-10", "checkpoint-11"));
}

TEST_F(RunStore, PruningKeepsTheNewestWholeOne) {
  for (const std::int64_t step : {1, 2, 3, 4}) save(lock, step);
  put(dir / "checkpoint-4/state.json", "");
  put(dir / "checkpoint-3/manifest.json", "{}");
  prune_checkpoints(lock, 1);
  EXPECT_EQ(list_checkpoints(dir.str()), (Steps{2, 3, 4}));
  expect_newest(2, 2);
}

TEST_F(RunStore, CleansWhatACrashLeaves) {
  for (const std::int64_t step : {1, 2, 3}) save(lock, step);
  mark("checkpoint-3", ".tmp-4000001");
  mark("checkpoint-1", ".deleting-4000001");
  dir.write("run.json.tmp-4000001", "half");
  dir.write("notes.tmp", "mine");
  dir.write("checkpoint-3.tmp-mine/file", "mine");
  EXPECT_EQ(list_checkpoints(dir.str()), Steps{2});
  expect_newest(2, 0);
  notes.clear();
  clean_leftovers(lock, notes);
  EXPECT_EQ(notes.size(), 3u);
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-2", "checkpoint-3.tmp-mine", "notes.tmp"));
  notes.clear();
  clean_leftovers(lock, notes);
  EXPECT_THAT(notes, IsEmpty());
}

TEST_F(RunStore, AReplacementThatStoppedHalfWayIsUndoneOrFinished) {
  save(lock, 1);
  save(lock, 2, "old");
  // Between the two renames: the older one stands in, with and without cleaning.
  mark("checkpoint-2", ".replaced-4000001");
  EXPECT_TRUE(has_checkpoints(dir.str()));
  const auto stand_in = newest();
  ASSERT_TRUE(stand_in);
  EXPECT_EQ(stand_in->step, 2);
  EXPECT_EQ(slurp(stand_in->path + "/state.json"), "old");
  clean_leftovers(lock, notes);
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-1", "checkpoint-2"));
  expect_newest(2, 0);
  // After both: the newer one has the name.
  mark("checkpoint-2", ".replaced-4000001");
  save(lock, 2, "new");
  EXPECT_EQ(slurp(newest()->path + "/state.json"), "new");
  clean_leftovers(lock, notes);
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-1", "checkpoint-2"));
  EXPECT_EQ(slurp(dir / "checkpoint-2/state.json"), "new");
}

TEST_F(RunStore, AWholeOlderCheckpointTakesTheNameOfADamagedNewerOne) {
  save(lock, 2, "old");
  mark("checkpoint-2", ".replaced-4000001");
  save(lock, 2, "new");
  poke(dir / "checkpoint-2/state.json", 0, 'N');
  clean_leftovers(lock, notes);
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-2"));
  expect_newest(2, 0);
  EXPECT_EQ(slurp(dir / "checkpoint-2/state.json"), "old");
}

TEST_F(RunStore, ASaveTakesTheSpaceOfUnfinishedOnes) {
  save(lock, 2);
  mark("checkpoint-2", ".deleting-4000001");
  dir.write("checkpoint-3.tmp-4000001/state.json", "half");
  CheckpointWriter writer(lock, 5);
  EXPECT_THAT(names(dir.str()), ElementsAre(str("checkpoint-5.tmp-", ::getpid())));
}

TEST_F(RunStore, TooLittleSpaceIsToldBeforeAnythingIsWritten) {
  save(lock, 1);
  const Error error = error_of([&] { CheckpointWriter(lock, 2, std::uint64_t{1} << 60); });
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.what(), testing::ContainsRegex("1152921504606846976 bytes are needed, .* are missing"));
  EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-1"));
  EXPECT_NO_THROW(CheckpointWriter(lock, 2, 1000));
}

TEST_F(RunStore, RemovesAllForAFreshStart) {
  for (const std::int64_t step : {1, 2}) save(lock, step);
  mark("checkpoint-1", ".replaced-4000001");
  fs::create_directory(dir / "checkpoint-3.tmp-4000001");
  dir.write("metrics.jsonl", "{}");
  remove_checkpoints(lock);
  EXPECT_THAT(names(dir.str()), ElementsAre("metrics.jsonl"));
  EXPECT_FALSE(has_checkpoints(dir.str()));
}

TEST_F(RunStore, AFullDiskKeepsTheOldCheckpoints) {
  const std::string small = dir / "small";
  fs::create_directory(small);
  if (::mount("none", small.c_str(), "tmpfs", 0, "size=256k") != 0)
    SKIP_MACHINE_LACKS("the right to mount a tmpfs (the limit of a file's size stands in for it)");
  Error error(ErrorKind::kNumeric, "");
  std::optional<Checkpoint> after, recovered;
  std::vector<std::string> left;
  {
    const OutputLock inner(small);
    save(inner, 1, std::string(100000, 'a'));
    error = error_of([&] { save(inner, 2, std::string(200000, 'b')); });
    left = names(small);
    after = newest_good_checkpoint(small, notes);
    save(inner, 3, std::string(100000, 'c'));
    recovered = newest_good_checkpoint(small, notes);
  }
  ::umount(small.c_str());
  EXPECT_EQ(error.kind(), ErrorKind::kResource);
  EXPECT_THAT(error.message(), testing::ContainsRegex("disk is full: [0-9]+ of 200000 bytes could not be written"));
  EXPECT_THAT(left, ElementsAre("checkpoint-1"));
  ASSERT_TRUE(after && recovered);
  EXPECT_EQ(after->step, 1);
  EXPECT_EQ(recovered->step, 3);
}

TEST_F(RunStore, AFailedCheckpointIsToldWithWhatIsLeft) {
  const auto told = [&](const std::string& where) {
    return checkpoint_error(lock, 5, Error(ErrorKind::kResource, "the disk is full", where, "free 1 B")).message();
  };
  const std::string target = dir / "checkpoint-5", unfinished = temporary_path(target);
  EXPECT_EQ(told(unfinished + "/state.json"),
            target + ": could not be saved: state.json: the disk is full\n  free 1 B; there is no older checkpoint");
  for (const std::int64_t step : {2, 4}) save(lock, step);
  EXPECT_EQ(told(unfinished), target + ": could not be saved: the disk is full\n  free 1 B; checkpoint-4 is whole: " +
                                  "--resume goes on from it");
  poke(dir / "checkpoint-4/state.json", 0, 'S');
  EXPECT_THAT(told("elsewhere"), HasSubstr("saved: elsewhere: the disk is full\n  free 1 B; checkpoint-2 is whole"));
  poke(dir / "checkpoint-2/state.json", 0, 'S');
  EXPECT_THAT(told(target),
              HasSubstr("could not be saved: the disk is full\n  free 1 B; no older checkpoint is whole"));
}

TEST_F(RunStore, AFileThatCannotGrowKeepsTheOldCheckpoint) {
  save(lock, 1);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  // Past every file of a checkpoint in turn: the weights, the state, the manifest.
  for (const rlim_t bytes : {10, 100, 220}) {
    const rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    const Error error = error_of([&] { save(lock, 2, std::string(200, 'x')); });
    const Error again = error_of([&] { save(lock, 1, std::string(200, 'x')); });
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_EQ(error.kind(), ErrorKind::kResource) << bytes;
    EXPECT_EQ(again.kind(), ErrorKind::kResource) << bytes;
    EXPECT_THAT(names(dir.str()), ElementsAre("checkpoint-1")) << bytes;
    EXPECT_EQ(slurp(dir / "checkpoint-1/state.json"), "state");
    expect_newest(1, 0);
  }
  std::signal(SIGXFSZ, handler);
  save(lock, 2, std::string(200, 'x'));
  expect_newest(2, 0);
}

TEST_F(RunStore, AVanishedOutputDirectoryIsAnError) {
  CheckpointWriter writer(lock, 1);
  fs::remove_all(dir.str());
  EXPECT_EQ(error_of([&] { writer.write_file("a", "x"); }).kind(), ErrorKind::kInput);
}

TEST(RunStoreDeathTest, MisuseIsABug) {
  const TempDir dir;
  const OutputLock lock(dir.str());
  CheckpointWriter writer(lock, 1);
  EXPECT_DEATH(writer.path("../x"), "name");
  EXPECT_DEATH(writer.path("manifest.json"), "name");
  EXPECT_DEATH(writer.add_file("never"), "add_file follows path");
  const std::string path = writer.path("a");
  EXPECT_DEATH(writer.path("a"), "same name");
  EXPECT_DEATH(writer.commit(), "not added");
  EXPECT_DEATH(prune_checkpoints(lock, 0), "newest");
  EXPECT_DEATH(CheckpointWriter(lock, -1), "negative");
}

}  // namespace
}  // namespace vernier
